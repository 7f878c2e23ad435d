/* Makes of a killed daemon's data what a power loss could have left of it (see powerloss.c).
 *   gcc -O2 -o powercut powercut.c
 *   powercut snapshot DATA SHADOW              all that is there now is durable
 *   powercut cut DATA SHADOW SEED PERCENT      then snapshot
 * What is durable stays. Of all else each 512-byte sector, each file's length, each new name and each removal of one survives by a coin of its own, with the chance given. Prints what was lost.
 * A removed directory does not come back, and no file that is still there under another name.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };
static const char *shadow;
static double chance;
static unsigned long reverted_sectors, reverted_lengths, lost_names, returned_names;
static ino_t *living;
static size_t living_count;

static void fail(const char *what) { perror(what); exit(1); }
static int survives(void) { return drand48() < chance; }
static char *shadow_path(char kind, ino_t inode) { char *path; if (asprintf(&path, "%s/%c%lu", shadow, kind, (unsigned long)inode) < 0) fail("asprintf"); return path; }
static char *join(const char *directory, const char *name) { char *path; if (asprintf(&path, "%s/%s", directory, name) < 0) fail("asprintf"); return path; }

static char *read_all(const char *path, size_t *length) {
  int fd = open(path, O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st)) fail(path);
  char *bytes = calloc(1, st.st_size + SECTOR);
  for (off_t at = 0; at < st.st_size;) { ssize_t n = pread(fd, bytes + at, st.st_size - at, at); if (n <= 0) fail(path); at += n; }
  close(fd);
  *length = st.st_size;
  return bytes;
}

static void write_all(const char *path, const char *bytes, size_t length) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
  if (fd < 0) fail(path);
  for (size_t at = 0; at < length;) { ssize_t n = pwrite(fd, bytes + at, length - at, at); if (n <= 0) fail(path); at += n; }
  close(fd);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where) { (void)st; (void)flag; (void)where; return remove(path); }
static int note_living(const char *path, const struct stat *st, int flag, struct FTW *where) {
  (void)path; (void)flag; (void)where;
  living = realloc(living, (living_count + 1) * sizeof *living);
  living[living_count++] = st->st_ino;
  return 0;
}
static int lives(ino_t inode) { for (size_t i = 0; i < living_count; i++) if (living[i] == inode) return 1; return 0; }

/* The names that are durable in a directory. */
struct name { ino_t inode; char *name; int seen; };
static struct name *durable_names(ino_t directory, size_t *count) {
  char *path = shadow_path('d', directory), line[PATH_MAX];
  struct name *names = NULL;
  *count = 0;
  FILE *file = fopen(path, "r");
  free(path);
  if (!file) return NULL;
  while (fgets(line, sizeof line, file)) {
    unsigned long inode;
    int at;
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "%lu %n", &inode, &at) < 1) continue;
    names = realloc(names, (*count + 1) * sizeof *names);
    names[(*count)++] = (struct name){inode, strdup(line + at), 0};
  }
  fclose(file);
  return names;
}

static void cut_file(const char *path, ino_t inode) {
  char *before_path = shadow_path('i', inode);
  size_t before_length = 0, after_length;
  char *before = access(before_path, F_OK) ? calloc(1, SECTOR) : read_all(before_path, &before_length);
  char *after = read_all(path, &after_length);
  size_t length = before_length == after_length || survives() ? after_length : before_length;
  if (length != after_length) reverted_lengths++;
  char *result = calloc(1, length + SECTOR);
  for (size_t at = 0; at < length; at += SECTOR) {
    static const char zeros[SECTOR];
    const char *a = at < before_length ? before + at : zeros, *b = at < after_length ? after + at : zeros;
    if (memcmp(a, b, SECTOR) && !survives()) { b = a; reverted_sectors++; }
    memcpy(result + at, b, SECTOR);
  }
  write_all(path, result, length);
  free(before_path); free(before); free(after); free(result);
}

static void come_back(const char *path, ino_t inode) {
  char *from = shadow_path('i', inode);
  if (!access(from, F_OK)) { size_t length; char *bytes = read_all(from, &length); write_all(path, bytes, length); free(bytes); returned_names++; }
  free(from);
}

static void cut_directory(const char *directory) {
  struct stat st;
  if (stat(directory, &st)) fail(directory);
  size_t count;
  struct name *durable = durable_names(st.st_ino, &count);
  struct dirent **entries;
  int n = scandir(directory, &entries, NULL, alphasort);
  if (n < 0) fail(directory);
  for (int i = 0; i < n; i++) {
    const char *name = entries[i]->d_name;
    if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
    char *path = join(directory, name);
    struct name *known = NULL;
    for (size_t k = 0; k < count; k++) if (!strcmp(durable[k].name, name)) { known = &durable[k]; known->seen = 1; }
    if (lstat(path, &st)) fail(path);
    int stays = (known && known->inode == st.st_ino) || survives();
    if (!stays) {
      if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS)) fail(path);
      lost_names++;
      printf("lost the name %s\n", path);
      if (known) come_back(path, known->inode);
    } else if (S_ISDIR(st.st_mode)) cut_directory(path);
    else cut_file(path, st.st_ino);
    free(path);
  }
  for (size_t k = 0; k < count; k++) {
    if (durable[k].seen || lives(durable[k].inode) || survives()) continue;
    char *path = join(directory, durable[k].name);
    come_back(path, durable[k].inode);
    free(path);
  }
}

static int take_snapshot(const char *path, const struct stat *st, int flag, struct FTW *where) {
  (void)where;
  char *to = shadow_path(flag == FTW_F ? 'i' : 'd', st->st_ino);
  if (flag == FTW_F) { size_t length; char *bytes = read_all(path, &length); write_all(to, bytes, length); free(bytes); }
  else {
    FILE *file = fopen(to, "w");
    DIR *d = opendir(path);
    if (!file || !d) fail(path);
    for (struct dirent *e; (e = readdir(d));) if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) fprintf(file, "%lu %s\n", (unsigned long)e->d_ino, e->d_name);
    closedir(d);
    fclose(file);
  }
  free(to);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4) { fprintf(stderr, "powercut snapshot DATA SHADOW | cut DATA SHADOW SEED PERCENT\n"); return 2; }
  const char *data = argv[2];
  shadow = argv[3];
  if (!strcmp(argv[1], "cut")) {
    srand48(atol(argv[4]));
    chance = atof(argv[5]) / 100;
    if (nftw(data, note_living, 16, FTW_PHYS)) fail(data);
    cut_directory(data);
    printf("%lu sectors, %lu lengths and %lu names lost, %lu names returned\n", reverted_sectors, reverted_lengths, lost_names, returned_names);
  }
  if (!access(shadow, F_OK) && nftw(shadow, remove_one, 16, FTW_DEPTH | FTW_PHYS)) fail(shadow);
  if (mkdir(shadow, 0755)) fail(shadow);
  if (nftw(data, take_snapshot, 16, FTW_PHYS)) fail(data);
  return 0;
}
