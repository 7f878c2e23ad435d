/* Preloaded into a daemon: keeps beside its data what is durable of it, and nothing else, so that a power loss can be made up afterwards (powercut.c).
 *   gcc -O2 -shared -fPIC -o powerloss.so powerloss.c -ldl
 *   LD_PRELOAD=powerloss.so POWERLOSS_DATA=/abs/data POWERLOSS_SHADOW=/abs/shadow delosd run ...
 * The shadow, by inode: i<inode> holds a file's bytes as of the last fsync or fdatasync that returned, and what writes through O_DSYNC or O_SYNC returned for since; d<inode> holds a directory's names as of
 * its last fsync, one "<inode> <name>" a line. A call that is not seen here makes nothing durable, so that a hole in this list shows as lost data, never as data that passes for safe.
 * POWERLOSS_FORGET=write, file or directory: what is made durable that way is forgotten. For tests of the test.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t shadow_lock = PTHREAD_MUTEX_INITIALIZER;

static void *real_dlsym(void *handle, const char *name) {
  static void *(*f)(void *, const char *);
  if (!f) f = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
  return f(handle, name);
}

#define REAL(result, name, ...) static result (*real)(__VA_ARGS__); if (!real) real = real_dlsym(RTLD_NEXT, #name)

static int real_open(const char *path, int flags, int mode) { REAL(int, open64, const char *, int, ...); return real(path, flags | O_CLOEXEC, mode); }
static ssize_t real_pwrite(int fd, const void *bytes, size_t n, off64_t at) { REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t); return real(fd, bytes, n, at); }
static int real_rename(const char *from, const char *to) { REAL(int, rename, const char *, const char *); return real(from, to); }

static void fail(const char *what) { perror(what); abort(); }

static int forgets(const char *what) { const char *forget = getenv("POWERLOSS_FORGET"); return forget && !strcmp(forget, what); }

/* Is it a file ('i') or directory ('d') of the data? 0: neither. */
static char kind_of(int fd, struct stat *st, char *path) {
  const char *data = getenv("POWERLOSS_DATA");
  char link[40];
  if (!data || fstat(fd, st) || !(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, PATH_MAX - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  size_t length = strlen(data);
  if (strncmp(path, data, length) || (path[length] && path[length] != '/')) return 0;
  return S_ISDIR(st->st_mode) ? 'd' : 'i';
}

static void shadow_path(char *path, char kind, ino_t inode, const char *suffix) { snprintf(path, PATH_MAX, "%s/%c%lu%s", getenv("POWERLOSS_SHADOW"), kind, (unsigned long)inode, suffix); }

/* A new inode, perhaps of a number that another one bore: nothing of it is durable. */
static void begin(char kind, ino_t inode) {
  char path[PATH_MAX];
  shadow_path(path, kind, inode, "");
  pthread_mutex_lock(&shadow_lock);
  int fd = real_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) fail(path);
  close(fd);
  pthread_mutex_unlock(&shadow_lock);
}

static void copy_file(int fd, int to) {
  char link[40], bytes[65536];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int from = real_open(link, O_RDONLY, 0); /* fd may be write-only, or past the page cache */
  if (from < 0) fail(link);
  struct stat st;
  if (fstat(from, &st) || ftruncate64(to, st.st_size)) fail(link);
  for (off64_t at = 0;;) {
    ssize_t n = pread64(from, bytes, sizeof bytes, at);
    if (n < 0) fail(link);
    if (n == 0) break;
    for (ssize_t i = 0; i < n; i++) if (bytes[i]) { if (real_pwrite(to, bytes, n, at) != n) fail(link); break; }
    at += n;
  }
  close(from);
}

static void copy_names(const char *directory, int to) {
  DIR *d = opendir(directory);
  if (!d) fail(directory);
  for (struct dirent *e; (e = readdir(d));) if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) dprintf(to, "%lu %s\n", (unsigned long)e->d_ino, e->d_name);
  closedir(d);
}

/* What is there when the call begins is durable when it returns, and no more than that. */
static int synced(int fd, int (*sync)(int)) {
  struct stat st;
  char path[PATH_MAX], next[PATH_MAX];
  char kind = kind_of(fd, &st, path);
  if (!kind || forgets(kind == 'i' ? "file" : "directory")) return sync(fd);
  pthread_mutex_lock(&shadow_lock);
  shadow_path(next, kind, st.st_ino, ".next");
  int to = real_open(next, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (to < 0) fail(next);
  if (kind == 'i') copy_file(fd, to); else copy_names(path, to);
  close(to);
  int result = sync(fd), error = errno;
  shadow_path(path, kind, st.st_ino, "");
  if (result == 0 && real_rename(next, path)) fail(next);
  if (result != 0) unlink(next);
  pthread_mutex_unlock(&shadow_lock);
  errno = error;
  return result;
}

/* Written, and durable if the file was opened so. */
static void written(int fd, const void *bytes, size_t n, off64_t at) {
  struct stat st;
  char path[PATH_MAX];
  int error = errno;
  if ((fcntl(fd, F_GETFL) & O_DSYNC) && !forgets("write") && kind_of(fd, &st, path) == 'i') { /* O_SYNC has the bit too */
    shadow_path(path, 'i', st.st_ino, "");
    pthread_mutex_lock(&shadow_lock);
    int to = real_open(path, O_WRONLY | O_CREAT, 0644);
    if (to < 0 || real_pwrite(to, bytes, n, at) != (ssize_t)n) fail(path);
    close(to);
    pthread_mutex_unlock(&shadow_lock);
  }
  errno = error;
}

static void written_pieces(int fd, const struct iovec *pieces, int count, off64_t at, size_t left) {
  for (int i = 0; i < count && left > 0; i++) {
    size_t n = pieces[i].iov_len < left ? pieces[i].iov_len : left;
    written(fd, pieces[i].iov_base, n, at);
    at += n;
    left -= n;
  }
}

int fsync(int fd) { REAL(int, fsync, int); return synced(fd, real); }
int fdatasync(int fd) { REAL(int, fdatasync, int); return synced(fd, real); }

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
  ssize_t done = real_pwrite(fd, bytes, n, at);
  if (done > 0) written(fd, bytes, done, at);
  return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return pwrite64(fd, bytes, n, at); }

ssize_t write(int fd, const void *bytes, size_t n) {
  REAL(ssize_t, write, int, const void *, size_t);
  ssize_t done = real(fd, bytes, n);
  if (done > 0) { off64_t end = lseek64(fd, 0, SEEK_CUR); if (end >= done) written(fd, bytes, done, end - done); }
  return done;
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at) {
  REAL(ssize_t, pwritev64, int, const struct iovec *, int, off64_t);
  ssize_t done = real(fd, pieces, count, at);
  if (done > 0) written_pieces(fd, pieces, count, at, done);
  return done;
}
ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at) { return pwritev64(fd, pieces, count, at); }

static int opened(const char *path, int flags, int mode) {
  int fresh = (flags & O_CREAT) && access(path, F_OK);
  REAL(int, open64, const char *, int, ...);
  int fd = real(path, flags, mode), error = errno;
  struct stat st;
  char found[PATH_MAX];
  if (fd >= 0 && fresh && kind_of(fd, &st, found) == 'i') begin('i', st.st_ino);
  errno = error;
  return fd;
}
#define OPEN(name) int name(const char *path, int flags, ...) { va_list a; va_start(a, flags); int mode = va_arg(a, int); va_end(a); return opened(path, flags, mode); }
OPEN(open)
OPEN(open64)

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  int result = real(path, mode), error = errno;
  if (result == 0) {
    struct stat st;
    char found[PATH_MAX];
    int fd = real_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd >= 0 && kind_of(fd, &st, found) == 'd') begin('d', st.st_ino);
    if (fd >= 0) close(fd);
  }
  errno = error;
  return result;
}

/* The daemon's own calls of libc are resolved by dlsym in libc itself, past any preload. */
void *dlsym(void *handle, const char *name) {
  static const struct { const char *name; void *function; } mine[] = {
    {"fsync", fsync}, {"fdatasync", fdatasync}, {"pwrite", pwrite}, {"pwrite64", pwrite64}, {"write", write}, {"pwritev", pwritev}, {"pwritev64", pwritev64}, {"open", open}, {"open64", open64}, {"mkdir", mkdir}};
  if (handle != RTLD_NEXT) for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) if (!strcmp(name, mine[i].name)) return mine[i].function;
  return real_dlsym(handle, name);
}
