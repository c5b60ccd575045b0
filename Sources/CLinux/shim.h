#ifndef STRONGROOM_CLINUX_SHIM_H
#define STRONGROOM_CLINUX_SHIM_H

// Linux calls that the Glibc module leaves out: variadic functions and headers it does not list.

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

static inline int linux_prctl_set_name(const char *name) {
    return prctl(PR_SET_NAME, (unsigned long)name, 0, 0, 0);
}

#endif
