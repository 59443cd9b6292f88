/* Faults at the n-th write of a process: loaded with LD_PRELOAD, armed through ctypes.

   Counts the calls that change files below one folder, and at the n-th of them kills the process
   (before the call, after it, or in the middle of a write), or makes it and all that follow fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { OFF, COUNT, KILL_BEFORE, KILL_AFTER, KILL_AMID, FAIL };
enum { DATA = 1, SYNC = 2, NAME = 4 }; /* kinds of calls */

static int mode = OFF, error_number, kinds;
static long at, count;
static char folder[PATH_MAX];

void fault_arm(int new_mode, long new_at, int new_errno, const char *new_folder) {
    strncpy(folder, new_folder, sizeof folder - 1);
    at = new_at;
    count = 0;
    error_number = new_errno;
    kinds = new_errno == EIO ? DATA | SYNC : DATA | NAME; /* a full disk can still sync */
    mode = new_mode;
}

long fault_count(void) { return count; }

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int ours(int fd, const char *path) {
    char buffer[PATH_MAX], link[32];
    if (path == NULL) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, buffer, sizeof buffer - 1);
        if (size <= 0) return 0;
        buffer[size] = 0;
        path = buffer;
    }
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* 0: go on; 1: fail; 2: die afterwards; 3: do half, then die. */
static int strike(int kind, int fd, const char *path) {
    if (mode == OFF || !ours(fd, path)) return 0;
    long number = __sync_add_and_fetch(&count, 1);
    if (mode == FAIL) return number >= at && (kinds & kind) ? (errno = error_number, 1) : 0;
    if (mode == COUNT || number != at) return 0;
    if (mode == KILL_BEFORE) die();
    return mode == KILL_AMID ? 3 : 2;
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define WRAP(result, name, kind, fd, path, parameters, arguments) \
    result name parameters { \
        REAL(name); \
        int what = strike(kind, fd, path); \
        if (what == 1) return -1; \
        result done = real arguments; \
        if (what) die(); \
        return done; \
    }

#define WRAP_WRITE(name, parameters, arguments, half) \
    ssize_t name parameters { \
        REAL(name); \
        int what = strike(DATA, fd, NULL); \
        if (what == 1) return -1; \
        ssize_t done = what == 3 ? real half : real arguments; \
        if (what) die(); \
        return done; \
    }

WRAP_WRITE(write, (int fd, const void *data, size_t size), (fd, data, size), (fd, data, size / 2))
WRAP_WRITE(pwrite, (int fd, const void *data, size_t size, off_t to), (fd, data, size, to),
           (fd, data, size / 2, to))
WRAP_WRITE(pwrite64, (int fd, const void *data, size_t size, off64_t to), (fd, data, size, to),
           (fd, data, size / 2, to))
WRAP(int, fsync, SYNC, fd, NULL, (int fd), (fd))
WRAP(int, fdatasync, SYNC, fd, NULL, (int fd), (fd))
WRAP(int, ftruncate, DATA, fd, NULL, (int fd, off_t size), (fd, size))
WRAP(int, ftruncate64, DATA, fd, NULL, (int fd, off64_t size), (fd, size))
WRAP(int, rename, NAME, -1, to, (const char *from, const char *to), (from, to))
WRAP(int, link, NAME, -1, to, (const char *from, const char *to), (from, to))
WRAP(int, mkdir, NAME, -1, path, (const char *path, mode_t rights), (path, rights))
WRAP(int, unlink, 0, -1, path, (const char *path), (path))

ssize_t sendfile(int fd, int from, off_t *offset, size_t size);
WRAP(ssize_t, sendfile, DATA, fd, NULL, (int fd, int from, off_t *offset, size_t size),
     (fd, from, offset, size))
ssize_t sendfile64(int fd, int from, off64_t *offset, size_t size);
WRAP(ssize_t, sendfile64, DATA, fd, NULL, (int fd, int from, off64_t *offset, size_t size),
     (fd, from, offset, size))

#define WRAP_OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list more; \
        va_start(more, flags); \
        mode_t rights = flags & O_CREAT ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        int what = flags & O_CREAT && access(path, F_OK) ? strike(NAME, -1, path) : 0; \
        if (what == 1) return -1; \
        int done = real(path, flags, rights); \
        if (what) die(); \
        return done; \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)
