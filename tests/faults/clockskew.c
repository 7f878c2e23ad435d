/* Preloaded into a process: sets its wall clock off, live. Monotonic time stays true.
 *   gcc -O2 -shared -fPIC -o clockskew.so clockskew.c -ldl
 *   LD_PRELOAD=clockskew.so CLOCKSKEW=/abs/file delosd run ...
 * The file holds milliseconds, as in "-3600000"; it is read again every 10 ms at most. No file: no skew.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long skew_milliseconds(void) {
  static volatile long skew, read_at = -1;
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  long hundredths = now.tv_sec * 100 + now.tv_nsec / 10000000;
  if (hundredths == read_at) return skew;
  read_at = hundredths;
  const char *path = getenv("CLOCKSKEW");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return skew;
  char text[32];
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n > 0) { text[n] = 0; skew = atol(text); }
  return skew;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, time);
  if (result || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  long skew = skew_milliseconds();
  time->tv_sec += skew / 1000;
  time->tv_nsec += skew % 1000 * 1000000;
  if (time->tv_nsec < 0) { time->tv_nsec += 1000000000; time->tv_sec--; }
  if (time->tv_nsec >= 1000000000) { time->tv_nsec -= 1000000000; time->tv_sec++; }
  return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}
