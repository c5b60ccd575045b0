#ifndef CZstd_SHIM_H
#define CZstd_SHIM_H
#include <zstd.h>
#include <zstd_errors.h>

// Macros that Swift does not see.
static inline unsigned long long shim_ZSTD_CONTENTSIZE_UNKNOWN(void) {
    return ZSTD_CONTENTSIZE_UNKNOWN;
}
static inline unsigned long long shim_ZSTD_CONTENTSIZE_ERROR(void) {
    return ZSTD_CONTENTSIZE_ERROR;
}
#endif
