/* Preloaded into a command: counts the calls that change files under a folder, and lets one of them fail.
 *
 *   FAULT_UNDER  the folder, as an absolute path
 *   FAULT_STATE  a file of a page: how many calls there were (8 bytes), then what was done, as text
 *   FAULT_AT     which call it is, from 1; none if 0
 *   FAULT_KIND   full: it fails with ENOSPC. broken: with EIO. torn: half of a write is done, and the next
 *                call fails with ENOSPC. killed: the process group is killed before it. dead: half of a
 *                write is done, or all of another call, and the process group is killed
 *
 *   FAULT_LOG    a file that exists and gets a line for each call, if set; renames have two names
 *
 * Processes that the command starts, a compiler for instance, are part of the count. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096 };

static char *state;
static int log_file = -1;
static const char *under;
static size_t under_length;
static int64_t at;
static enum { FULL, BROKEN, TORN, KILLED, DEAD } kind;

__attribute__((constructor)) static void start(void) {
  const char *file = getenv("FAULT_STATE"), *number = getenv("FAULT_AT"), *name = getenv("FAULT_KIND");
  under = getenv("FAULT_UNDER");
  if (!file || !under)
    return;
  under_length = strlen(under);
  at = number ? atoll(number) : 0;
  static const char *const names[] = {"full", "broken", "torn", "killed", "dead"};
  for (int i = 0; name && i < 5; i++)
    if (!strcmp(name, names[i]))
      kind = i;
  const int descriptor = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
  if (descriptor < 0)
    return;
  void *map = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  syscall(SYS_close, descriptor);
  state = map == MAP_FAILED ? 0 : map;
  if (getenv("FAULT_LOG"))
    log_file = (int)syscall(SYS_openat, AT_FDCWD, getenv("FAULT_LOG"), O_WRONLY | O_APPEND | O_CLOEXEC, 0);
}

static int is_under(const char *path) {
  return state && path && !strncmp(path, under, under_length) &&
         (path[under_length] == '/' || !path[under_length]);
}

/* Whether a path, which may be relative, is in the folder. */
static int has_path(int folder, const char *path) {
  if (!state || !path)
    return 0;
  if (*path == '/')
    return is_under(path);
  char link[64], base[PAGE];
  if (folder == AT_FDCWD)
    return getcwd(base, sizeof base) && is_under(base);
  snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  const ssize_t length = readlink(link, base, sizeof base - 1);
  return length > 0 && (base[length] = 0, is_under(base));
}

static int has_file(int descriptor, char *path) {
  char link[64];
  if (!state)
    return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, PAGE - 1);
  return length > 0 && (path[length] = 0, is_under(path));
}

typedef enum { PASS, FAIL, HALF, DIE_AFTER } verdict;

static void note(const char *call, const char *path, const char *from) {
  char line[3 * PAGE];
  const int length = snprintf(line, sizeof line, "%s\t%s\t%s\n", call, path, from);
  if (log_file >= 0 && length > 0)
    syscall(SYS_write, log_file, line, (size_t)length);
}

/* Counts a call, and says what becomes of it. */
static verdict judge(const char *call, const char *path) {
  note(call, path, "");
  const int64_t number = __atomic_add_fetch((int64_t *)state, 1, __ATOMIC_SEQ_CST);
  if (!at || number < at || number > at + (kind == TORN))
    return PASS;
  if (number == at)
    snprintf(state + 8, PAGE - 8, "%s %s", call, path);
  const int is_write = !!strstr(call, "write");
  switch (kind) {
  case KILLED:
    kill(0, SIGKILL);
    return FAIL;
  case DEAD:
    return is_write ? HALF : DIE_AFTER;
  case TORN:
    if (number == at && is_write)
      return HALF;
    errno = ENOSPC;
    return number == at ? PASS : FAIL;
  case FULL:
  case BROKEN:
    errno = kind == FULL ? ENOSPC : EIO;
    return FAIL;
  }
  return PASS;
}

/* The end of a call, for the kinds that kill after it. */
static long end(verdict v, long result) {
  if (kind == DEAD && (v == HALF || v == DIE_AFTER))
    kill(0, SIGKILL);
  return result;
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  verdict v = PASS;
  if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) && has_path(folder, path)) {
    v = judge("open", path);
    if (v == FAIL)
      return -1;
  }
  return (int)end(v, syscall(SYS_openat, folder, path, flags | O_LARGEFILE, mode));
}

#define MODE(flags)                                                                                    \
  mode_t mode = 0;                                                                                     \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                             \
    va_list list;                                                                                      \
    va_start(list, flags);                                                                             \
    mode = va_arg(list, mode_t);                                                                       \
    va_end(list);                                                                                      \
  }

int open(const char *path, int flags, ...) {
  MODE(flags);
  return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE(flags);
  return open_at(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  MODE(flags);
  return open_at(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
  MODE(flags);
  return open_at(folder, path, flags, mode);
}
int creat(const char *path, mode_t mode) {
  return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* A call on a descriptor that writes `count` bytes. */
#define WRITE(name, descriptor, count, whole, half)                                                    \
  char path[PAGE];                                                                                     \
  if (!has_file(descriptor, path))                                                                     \
    return whole;                                                                                      \
  const verdict v = judge(name, path);                                                                 \
  if (v == FAIL)                                                                                       \
    return -1;                                                                                         \
  return end(v, v == HALF && (count) > 1 ? half : whole)

ssize_t write(int file, const void *bytes, size_t count) {
  WRITE("write", file, count, syscall(SYS_write, file, bytes, count),
        syscall(SYS_write, file, bytes, count / 2));
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t place) {
  WRITE("pwrite", file, count, syscall(SYS_pwrite64, file, bytes, count, place),
        syscall(SYS_pwrite64, file, bytes, count / 2, place));
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off_t place) {
  return pwrite(file, bytes, count, place);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
  WRITE("writev", file, count, syscall(SYS_writev, file, parts, count),
        syscall(SYS_writev, file, parts, count / 2));
}

/* A call on a descriptor, or on a path. */
#define CALL(name, is_there, path, number)                                                             \
  verdict v = PASS;                                                                                    \
  if (is_there && (v = judge(name, path)) == FAIL)                                                     \
    return -1;                                                                                         \
  return (int)end(v, number)

int fsync(int file) {
  char path[PAGE];
  CALL("fsync", has_file(file, path), path, syscall(SYS_fsync, file));
}
int fdatasync(int file) {
  char path[PAGE];
  CALL("fdatasync", has_file(file, path), path, syscall(SYS_fdatasync, file));
}
int ftruncate(int file, off_t length) {
  char path[PAGE];
  CALL("ftruncate", has_file(file, path), path, syscall(SYS_ftruncate, file, length));
}
int ftruncate64(int file, off_t length) { return ftruncate(file, length); }
int fchmod(int file, mode_t mode) {
  char path[PAGE];
  CALL("fchmod", has_file(file, path), path, syscall(SYS_fchmod, file, mode));
}
int chmod(const char *path, mode_t mode) {
  CALL("chmod", has_path(AT_FDCWD, path), path, syscall(SYS_fchmodat, AT_FDCWD, path, mode));
}
int mkdir(const char *path, mode_t mode) {
  CALL("mkdir", has_path(AT_FDCWD, path), path, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}
int link(const char *from, const char *to) {
  CALL("link", has_path(AT_FDCWD, to), to, syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
  CALL("linkat", has_path(b, to), to, syscall(SYS_linkat, a, from, b, to, flags));
}
int rename(const char *from, const char *to) {
  note("from", to, from);
  CALL("rename", has_path(AT_FDCWD, to), to,
       syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int renameat(int a, const char *from, int b, const char *to) {
  note("from", to, from);
  CALL("renameat", has_path(b, to), to, syscall(SYS_renameat2, a, from, b, to, 0));
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  note("from", to, from);
  CALL("renameat2", has_path(b, to), to, syscall(SYS_renameat2, a, from, b, to, flags));
}

/* Removing what was begun cannot be asked to succeed on a broken disk, so it only ends the process. */
static int removal(const char *call, int folder, const char *path, int flags) {
  verdict v = PASS;
  if (kind >= KILLED && has_path(folder, path))
    v = judge(call, path);
  return (int)end(v, syscall(SYS_unlinkat, folder, path, flags));
}
int unlink(const char *path) { return removal("unlink", AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) {
  return removal("unlinkat", folder, path, flags);
}
int remove(const char *path) {
  struct stat information;
  const int is_folder = !lstat(path, &information) && S_ISDIR(information.st_mode);
  return removal("remove", AT_FDCWD, path, is_folder ? AT_REMOVEDIR : 0);
}
