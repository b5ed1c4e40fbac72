/* main.c - the order of things at start and end. Exit codes: command_line.h. */
#include <stdio.h>
#include <stdlib.h>

#include "access/http_client.h"
#include "cli/account.h"
#include "cli/command_line.h"
#include "cli/oauth.h"
#include "config.h"
#include "containment.h"
#include "process.h"
#include "server/log.h"
#include "server/server.h"
#include "server/service.h"
#include "server/settings.h"

#define ERROR_MAX 2048

/* Ports are bound and keys are read as whoever we were started as; everything
 * else is done as the configured user, and contained.
 */
static int serve(struct settings *settings, struct service *service,
                 pid_t replaces)
{
    const struct config *config = settings->config;
    char error[ERROR_MAX] = "";
    struct server *server = server_new(settings, service, POPINJAY_VERSION,
                                       replaces, error, sizeof(error));
    bool served = server != NULL &&
                  process_become(config->user, error, sizeof(error)) &&
                  containment_begin(config->seccomp, replaces,
                                    server_prepare_tokens(server), error,
                                    sizeof(error)) &&
                  server_run(server, error, sizeof(error));

    if (!served)
        log_event(LOG_LEVEL_ERROR, "failed", error);
    server_free(server);
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_with(struct settings *settings, struct service *service,
                    pid_t replaces)
{
    int code;

    process_prepare();
    if (!http_client_prepare_process()) {
        log_event(LOG_LEVEL_ERROR, "failed", "no memory");
        return EXIT_FAILURE;
    }
    code = serve(settings, service, replaces);
    log_summarize(true);
    if (code == EXIT_SUCCESS)
        log_event(LOG_LEVEL_INFO, "ended", NULL);
    return code;
}

static int run(const struct command_line *line)
{
    char error[ERROR_MAX] = "out of memory";
    struct service *service = service_new();
    struct settings_source source = { .path = line->config,
                                      .version = POPINJAY_VERSION };
    struct settings *settings = NULL;
    int code = EXIT_SUCCESS;

    if (service != NULL) {
        source.readahead = &service->readahead;
        source.listener_names = &service->listener_names;
        source.upstreams = &service->upstreams;
        settings = settings_read(&source, NULL, error, sizeof(error));
    }
    if (settings == NULL) {
        (void)fprintf(stderr, "%s\n", error);
        /* Whoever started it does so again only where that may help. */
        code = service != NULL && service->upstreams.unanswered ? EXIT_FAILURE
                                                                : EXIT_MISTAKE;
    } else if (line->command == COMMAND_CHECK) {
        (void)printf("%s: no mistakes found\n", line->config);
    } else if (!log_open(&settings->config->log, error, sizeof(error))) {
        (void)fprintf(stderr, "%s: [server] log_to: %s\n", line->config, error);
        code = EXIT_FAILURE;
    } else {
        code = run_with(settings, service, line->replaces);
    }
    settings_release(settings);
    service_free(service);
    return code;
}

static int run_account(int argc, char **argv)
{
    const struct account_options options = account_options_parse(argc, argv);

    process_prepare();
    return account_run(&options);
}

static int run_oauth(int argc, char **argv)
{
    const struct oauth_options options = oauth_options_parse(argc, argv);

    process_prepare();
    return oauth_run(&options);
}

int main(int argc, char **argv)
{
    struct command_line line;

    process_fill_standard_files();
    line = command_line_parse(argc, argv);
    switch (line.command) {
    case COMMAND_SERVE:
    case COMMAND_CHECK:
        return run(&line);
    case COMMAND_PROBE:
        return command_line_probe(&line, POPINJAY_VERSION);
    case COMMAND_ACCOUNT:
        return run_account(argc - 1, argv + 1);
    case COMMAND_OAUTH:
        return run_oauth(argc - 1, argv + 1);
    case COMMAND_STATUS:
        return command_line_status(&line);
    case COMMAND_VERSION:
        (void)printf("popinjay %s\n", POPINJAY_VERSION);
        return EXIT_SUCCESS;
    case COMMAND_HELP:
        (void)fputs(command_line_usage, stdout);
        return EXIT_SUCCESS;
    case COMMAND_WRONG:
        break;
    }
    return EXIT_MISTAKE;
}
