#include "server/upstream_notes.h"

#include "net/tls_certificate.h"
#include "server/log.h"

void upstream_note_server(const struct settings_upstream *u,
                          const struct upstream_server *server,
                          const char *failure, uint64_t now_ms)
{
    enum log_level level = failure != NULL ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    struct upstream_server_view view;
    struct log_record r;

    if (!upstream_servers_note(u->servers, server, failure, now_ms) ||
        u->servers->count == 1 || !log_wants(level))
        return; /* a single one has nobody to leave its users to */
    log_begin(&r, level,
              failure != NULL ? "upstream_server_aside"
                              : "upstream_server_back");
    log_record_add_string(&r, "upstream", u->config->name);
    log_record_add_string(&r, "upstream_address", server->text);
    if (failure != NULL) {
        view = upstream_servers_view(u->servers,
                                     (size_t)(server - u->servers->at), now_ms);
        log_record_add_string(&r, "text", failure);
        log_record_add_number(&r, "duration_ms", view.aside_ms);
    }
    log_write(&r);
}

void upstream_note_certificate(const struct settings_upstream *u,
                               const struct upstream_server *server,
                               const struct tls *tls)
{
    if (tls != NULL && !tls_is_resumed(tls))
        upstream_servers_note_certificate(
            u->servers, server,
            tls_certificate_end(tls_server_certificate(tls)));
}
