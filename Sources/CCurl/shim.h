#ifndef CCurl_SHIM_H
#define CCurl_SHIM_H
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// Swift cannot call functions with a variable number of arguments.
static inline CURLcode shim_curl_easy_setopt_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_easy_setopt_offset(
    CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_easy_setopt_string(
    CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_easy_setopt_pointer(
    CURL *handle, CURLoption option, const void *value) {
    return curl_easy_setopt(handle, option, value);
}
typedef size_t (*shim_curl_callback)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode shim_curl_easy_setopt_callback(
    CURL *handle, CURLoption option, shim_curl_callback value) {
    return curl_easy_setopt(handle, option, value);
}
typedef int (*shim_curl_prereq)(
    void *context, char *server, char *client, int server_port, int client_port);
static inline CURLcode shim_curl_easy_setopt_prereq(CURL *handle, shim_curl_prereq value) {
    return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, value);
}
typedef int (*shim_curl_progress)(
    void *context, curl_off_t download_total, curl_off_t downloaded, curl_off_t upload_total,
    curl_off_t uploaded);
static inline CURLcode shim_curl_easy_setopt_progress(CURL *handle, shim_curl_progress value) {
    return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, value);
}
static inline CURLcode shim_curl_easy_getinfo_offset(
    CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}
#endif
