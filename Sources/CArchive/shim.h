#ifndef CArchive_SHIM_H
#define CArchive_SHIM_H
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

// libarchive converts names from UTF-8 to the locale's encoding. The process has the locale "C", in
// which names beyond ASCII cannot be said; so this thread has another one during the call.
static inline int shim_archive_read_next_header_utf8(
    struct archive *archive, struct archive_entry **entry, locale_t locale) {
    locale_t before = locale == (locale_t)0 ? (locale_t)0 : uselocale(locale);
    int result = archive_read_next_header(archive, entry);
    if (before != (locale_t)0) uselocale(before);
    return result;
}
static inline locale_t shim_newlocale_utf8(void) {
    return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

// Casts in macros, which Swift does not see.
static inline unsigned int shim_AE_IFREG(void) { return AE_IFREG; }
static inline unsigned int shim_AE_IFDIR(void) { return AE_IFDIR; }
static inline unsigned int shim_AE_IFLNK(void) { return AE_IFLNK; }
#endif
