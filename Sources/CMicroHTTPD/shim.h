#ifndef STRONGROOM_CMICROHTTPD_SHIM_H
#define STRONGROOM_CMICROHTTPD_SHIM_H

// libmicrohttpd's variadic functions and unions as plain functions, each named after what it wraps,
// and the few socket calls that a server needs beside the library.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Leaves the target as it is: it is parsed from its raw form.
static inline size_t mhd_keep_escapes(
    void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    return strlen(text);
}

// MHD_start_daemon: one thread with epoll, no listening socket of its own.
static inline struct MHD_Daemon *mhd_start_worker(
    MHD_AccessHandlerCallback handle, void *context,
    void *(*begin_request)(void *, const char *, struct MHD_Connection *),
    MHD_RequestCompletedCallback end_request, MHD_NotifyConnectionCallback notify_connection,
    unsigned int connection_limit, size_t connection_memory_bytes) {
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC
            | MHD_USE_NO_LISTEN_SOCKET,
        0, NULL, NULL, handle, context,
        MHD_OPTION_URI_LOG_CALLBACK, begin_request, context,
        MHD_OPTION_NOTIFY_COMPLETED, end_request, context,
        MHD_OPTION_NOTIFY_CONNECTION, notify_connection, context,
        MHD_OPTION_UNESCAPE_CALLBACK, mhd_keep_escapes, NULL,
        MHD_OPTION_CONNECTION_LIMIT, connection_limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory_bytes,
        MHD_OPTION_END);
}

// The query is parsed from a copy; an empty one spares the library's own parsing and its memory.
// The text is part of the connection's read buffer, so it may be written.
static inline void mhd_hide_query(const char *target) {
    char *query = strchr((char *)target, '?');
    if (query != NULL)
        query[1] = '\0';
}

static inline void *mhd_connection_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static inline int mhd_connection_descriptor(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

static inline size_t mhd_request_header_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}

// Writes an address as text, such as 127.0.0.1:80 or [::1]:80.
static inline void net_address_text(const struct sockaddr *address, char *text, size_t size) {
    char host[INET6_ADDRSTRLEN];
    text[0] = '\0';
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
    }
}

static inline void mhd_client_address(struct MHD_Connection *connection, char *text, size_t size) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    text[0] = '\0';
    if (info != NULL && info->client_addr != NULL)
        net_address_text(info->client_addr, text, size);
}

// Listens on the first address of a host that can be bound; returns 0 or an error number, with
// `unresolved` set if the host has no address.
static inline int net_listen(
    const char *host, uint16_t port, int backlog, int *descriptor, int *unresolved) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    int result = EADDRNOTAVAIL;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    *unresolved = getaddrinfo(host, service, &hints, &found) != 0;
    for (struct addrinfo *each = found; each != NULL; each = each->ai_next) {
        const int on = 1;
        const int fd = socket(
            each->ai_family, each->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, each->ai_protocol);
        if (fd < 0) {
            result = errno;
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, each->ai_addr, each->ai_addrlen) == 0 && listen(fd, backlog) == 0) {
            *descriptor = fd;
            result = 0;
            break;
        }
        result = errno;
        close(fd);
    }
    if (found != NULL)
        freeaddrinfo(found);
    return result;
}

static inline uint16_t net_bound_port(int descriptor) {
    struct sockaddr_in6 address;
    socklen_t size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
        return 0;
    // The port stands at the same place for both families.
    return ntohs(address.sin6_port);
}

// A connection that was accepted.
struct net_client {
    int descriptor;
    struct sockaddr_storage address;
    socklen_t address_size;
};

enum net_acceptance { net_accepted, net_nothing_to_accept, net_no_resources };

static inline enum net_acceptance net_accept(int listener, struct net_client *client) {
    for (;;) {
        client->address_size = sizeof client->address;
        client->descriptor = accept4(
            listener, (struct sockaddr *)&client->address, &client->address_size,
            SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client->descriptor >= 0) {
            const int on = 1;
            setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return net_accepted;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return net_no_resources;
        if (errno == EAGAIN || errno == EINVAL || errno == EBADF)
            return net_nothing_to_accept;
        // A connection that broke before it was accepted: take the next one.
    }
}

static inline int mhd_add_client(struct MHD_Daemon *daemon, const struct net_client *client) {
    return MHD_add_connection(
               daemon, client->descriptor, (const struct sockaddr *)&client->address,
               client->address_size)
        == MHD_YES;
}

static inline int net_unread_bytes(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) == 0 ? count : 0;
}

// Whether the client has ended its side and nothing waits to be read.
static inline int net_has_ended(int descriptor) {
    char byte;
    return recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// Reads and drops what has arrived, at most `limit` bytes; -1 at the stream's end or an error.
static inline long net_discard(int descriptor, long limit) {
    char scratch[65536];
    long total = 0;
    while (total < limit) {
        const ssize_t count = recv(descriptor, scratch, sizeof scratch, MSG_DONTWAIT);
        if (count == 0)
            return -1;
        if (count < 0)
            return errno == EAGAIN || errno == EINTR ? total : -1;
        total += count;
    }
    return total;
}

static inline long net_send(int descriptor, const void *bytes, size_t count) {
    return send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline int net_duplicate(int descriptor) {
    return fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
}

static inline void net_shutdown_reading(int descriptor) { shutdown(descriptor, SHUT_RD); }

static inline void net_shutdown(int descriptor) { shutdown(descriptor, SHUT_RDWR); }

static inline void net_close(int descriptor) { close(descriptor); }

static inline int net_make_bell(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

static inline void net_ring(int bell) {
    const uint64_t one = 1;
    while (write(bell, &one, sizeof one) < 0 && errno == EINTR) {}
}

static inline void net_silence(int bell) {
    uint64_t count;
    while (read(bell, &count, sizeof count) < 0 && errno == EINTR) {}
}

enum { net_wait_limit = 512 };

// Waits until one of `count` (at most `net_wait_limit`) descriptors can be read.
static inline void net_wait_readable(
    const int *descriptors, int count, int timeout_milliseconds) {
    struct pollfd polled[net_wait_limit];
    for (int i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
    poll(polled, (nfds_t)count, timeout_milliseconds);
}

#endif
