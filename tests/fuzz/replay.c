/* replay.c - runs a fuzz target on the inputs of its corpus, without libFuzzer.
 *
 *     fuzz_NAME [FILE|FOLDER]...
 *
 * Without arguments: tests/fuzz/corpus/NAME. Says how it went in TAP. The
 * inputs run in a process of their own, so that the one on which the target
 * dies, by whatever sanitizer or signal, can be named; the next ones then run
 * in another.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX (4 * 1024 * 1024)
#define PATH_OCTETS 4096

struct inputs {
    char **paths;
    size_t count;
};

static void *must_have(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

static void add_file(struct inputs *in, const char *path)
{
    in->paths =
        must_have(reallocarray(in->paths, in->count + 1, sizeof(in->paths[0])));
    in->paths[in->count++] = must_have(strdup(path));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add(struct inputs *in, const char *path)
{
    DIR *folder = opendir(path);
    char inside[PATH_OCTETS];
    struct dirent *entry;
    size_t first = in->count;

    if (folder == NULL) {
        add_file(in, path);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        add_file(in, inside);
    }
    closedir(folder);
    if (in->count > first)
        qsort(in->paths + first, in->count - first, sizeof(in->paths[0]),
              by_name);
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "re");
    uint8_t *octets = must_have(malloc(INPUT_MAX));
    uint8_t *exact;
    size_t length;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    length = fread(octets, 1, INPUT_MAX, file);
    fclose(file);
    exact = must_have(malloc(length + 1));
    memcpy(exact, octets, length);
    free(octets);
    exact = must_have(realloc(exact, length > 0 ? length : 1));
    (void)LLVMFuzzerTestOneInput(exact, length);
    free(exact);
}

static void drop_inputs(struct inputs *in)
{
    for (size_t i = 0; i < in->count; i++)
        free(in->paths[i]);
    free(in->paths);
}

/* Runs all from |*at| on, which counts along. False: it died on one. */
static bool run_from(struct inputs *in, size_t *at)
{
    int status = 0;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        for (; *at < in->count; ++*at)
            run_file(in->paths[*at]);
        drop_inputs(in);
        exit(0); /* and not _exit: leaks are to be looked for */
    }
    return child > 0 && waitpid(child, &status, 0) == child &&
           WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static size_t run_all(struct inputs *in)
{
    size_t *at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t failed = 0;

    if (at == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    *at = 0;
    while (!run_from(in, at)) {
        failed++;
        if (*at >= in->count) {
            printf("# failed behind the last input: a leak?\n");
            break;
        }
        printf("# failed on %s\n", in->paths[*at]);
        ++*at;
    }
    (void)munmap(at, sizeof(*at));
    return failed;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash != NULL ? slash + 1 : argv[0];
    struct inputs in = { NULL, 0 };
    char path[PATH_OCTETS];
    size_t failed;

    if (strncmp(name, "fuzz_", 5) == 0)
        name += 5;
    (void)snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", name);
    if (argc < 2)
        add(&in, path);
    for (int i = 1; i < argc; i++)
        add(&in, argv[i]);
    printf("1..1\n");
    failed = in.count == 0 ? 1 : run_all(&in);
    printf("%s 1 - %s: %zu inputs, %zu failed\n", failed ? "not ok" : "ok",
           name, in.count, failed);
    drop_inputs(&in);
    return failed == 0 ? 0 : 1;
}
