/* main.c - the command line, and the order of things at start and end.
 *
 * Exit codes: 0 ended as asked; 1 could not start or serve; 2 a mistake in the
 * command line or in the configuration.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "containment.h"
#include "process.h"
#include "server/log.h"
#include "server/server.h"
#include "server/service.h"
#include "server/settings.h"

#define EXIT_MISTAKE 2
#define ERROR_MAX 2048

static const char usage[] =
    "usage: popinjay -c FILE [--check]\n"
    "       popinjay --version | --help\n"
    "\n"
    "Serves POP3 to clients whose mail lies on an IMAP server.\n"
    "\n"
    "  -c, --config FILE  the configuration (see proxy.conf.sample)\n"
    "      --check        say what is wrong with it, and end\n"
    "      --version      say which version this is, and end\n"
    "  -h, --help         say this, and end\n";

struct options {
    const char *config;
    bool check;
};

enum parsed {
    PARSED_RUN,
    PARSED_DONE,
    PARSED_WRONG,
};

static enum parsed parse_options(int argc, char **argv, struct options *o)
{
    static const struct option long_options[] = {
        { "config", required_argument, NULL, 'c' },
        { "check", no_argument, NULL, 'k' },
        { "version", no_argument, NULL, 'V' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 'k':
            o->check = true;
            break;
        case 'V':
            (void)printf("popinjay %s\n", POPINJAY_VERSION);
            return PARSED_DONE;
        case 'h':
            (void)fputs(usage, stdout);
            return PARSED_DONE;
        default:
            return PARSED_WRONG;
        }
    }
    return optind == argc && o->config != NULL ? PARSED_RUN : PARSED_WRONG;
}

/* Ports are bound and keys are read as whoever we were started as; everything
 * else is done as the configured user, and contained.
 */
static int serve(struct settings *settings, struct service *service)
{
    const struct config *config = settings->config;
    char error[ERROR_MAX] = "";
    struct server *server =
        server_new(settings, service, POPINJAY_VERSION, error, sizeof(error));
    bool served = server != NULL &&
                  process_become(config->user, error, sizeof(error)) &&
                  containment_begin(config->seccomp, error, sizeof(error)) &&
                  server_run(server, error, sizeof(error));

    if (!served)
        log_event(LOG_LEVEL_ERROR, "failed", error);
    server_free(server);
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_with(struct settings *settings, struct service *service)
{
    int code;

    process_prepare();
    code = serve(settings, service);
    log_summarize(true);
    if (code == EXIT_SUCCESS)
        log_event(LOG_LEVEL_INFO, "ended", NULL);
    return code;
}

static int run(const struct options *o)
{
    char error[ERROR_MAX] = "out of memory";
    struct service *service = service_new();
    struct settings_source source = { .path = o->config,
                                      .version = POPINJAY_VERSION };
    struct settings *settings = NULL;
    int code = EXIT_SUCCESS;

    if (service != NULL) {
        source.readahead = &service->readahead;
        source.listener_names = &service->listener_names;
        settings = settings_read(&source, NULL, error, sizeof(error));
    }
    if (settings == NULL) {
        (void)fprintf(stderr, "%s\n", error);
        code = EXIT_MISTAKE;
    } else if (o->check) {
        (void)printf("%s: no mistakes found\n", o->config);
    } else if (!log_open(&settings->config->log, error, sizeof(error))) {
        (void)fprintf(stderr, "%s: [server] log_to: %s\n", o->config, error);
        code = EXIT_FAILURE;
    } else {
        code = run_with(settings, service);
    }
    settings_release(settings);
    service_free(service);
    return code;
}

int main(int argc, char **argv)
{
    struct options options = { .config = NULL };

    switch (parse_options(argc, argv, &options)) {
    case PARSED_RUN:
        return run(&options);
    case PARSED_DONE:
        return EXIT_SUCCESS;
    case PARSED_WRONG:
        break;
    }
    (void)fputs(usage, stderr);
    return EXIT_MISTAKE;
}
