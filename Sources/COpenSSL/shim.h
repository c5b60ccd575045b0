#ifndef COpenSSL_SHIM_H
#define COpenSSL_SHIM_H
// SHA256_Init, _Update, _Final and _Transform are deprecated since 3.0; Cryptography/SHA256.swift
// says why they are used.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/sha.h>
#include <openssl/ts.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// The octets that a signed PKCS #7 message carries; NULL if it carries none as one octet string.
// Wraps the macro PKCS7_type_is_signed and members that Swift cannot name.
static inline const unsigned char *openssl_signed_content(const PKCS7 *message, int *count) {
    if (message == NULL || !PKCS7_type_is_signed(message) || message->d.sign == NULL) return NULL;
    const PKCS7 *inner = message->d.sign->contents;
    // As in PKCS7_to_TS_TST_INFO: a type that OpenSSL does not know lies in `other`.
    if (inner == NULL || OBJ_obj2nid(inner->type) != NID_id_smime_ct_TSTInfo) return NULL;
    const ASN1_TYPE *content = inner->d.other;
    if (content == NULL || content->type != V_ASN1_OCTET_STRING) return NULL;
    *count = ASN1_STRING_length(content->value.octet_string);
    return ASN1_STRING_get0_data(content->value.octet_string);
}

// The certificates that a signed PKCS #7 message brings; NULL if there are none.
static inline STACK_OF(X509) *openssl_signed_certificates(const PKCS7 *message) {
    if (message == NULL || !PKCS7_type_is_signed(message) || message->d.sign == NULL) return NULL;
    return message->d.sign->cert;
}

// How many certificates a chain has, and each of them: sk_X509_num and sk_X509_value are macros.
static inline int openssl_chain_count(const STACK_OF(X509) *chain) { return sk_X509_num(chain); }
static inline X509 *openssl_chain_certificate(const STACK_OF(X509) *chain, int place) {
    return sk_X509_value(chain, place);
}
#endif
