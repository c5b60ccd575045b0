#ifndef COpenSSL_SHIM_H
#define COpenSSL_SHIM_H
// SHA256_Init, _Update, _Final and _Transform are deprecated since 3.0; Cryptography/SHA256.swift
// says why they are used.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#endif
