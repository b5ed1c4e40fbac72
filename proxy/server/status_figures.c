#include "server/status_figures.h"

#include "pop3/command.h"
#include "session/bridge.h"

/* base/counters.h counts what only other layers can name. */
_Static_assert(COUNTERS_PHASES == BRIDGE_PHASE_COUNT, "counters.h: phases");
_Static_assert(COUNTERS_FAULTS >= FAULT_COUNT, "counters.h: faults");
_Static_assert(COUNTERS_VERBS == POP3_VERB_COUNT, "counters.h: verbs");

const char *status_state_name(enum status_state state)
{
    switch (state) {
    case STATUS_STARTING:
        return "starting";
    case STATUS_SERVING:
        return "serving";
    case STATUS_UPSTREAM_FAILING:
        return "upstream failing";
    case STATUS_DRAINING:
        return "draining";
    case STATUS_STATE_COUNT:
        break;
    }
    return "";
}

const char *status_stage_name(enum counter_stage stage)
{
    switch (stage) {
    case COUNTER_STAGE_CONNECT:
        return "connect";
    case COUNTER_STAGE_TLS:
        return "tls";
    case COUNTER_STAGE_GREETING:
        return "greeting";
    case COUNTER_STAGE_LOGIN:
        return "login";
    case COUNTER_STAGE_SELECT:
        return "select";
    case COUNTER_STAGE_LISTING:
        return "listing";
    case COUNTER_STAGE_FIRST_OCTET:
        return "first_octet";
    case COUNTER_STAGE_REMOVAL:
        return "removal";
    case COUNTER_STAGE_VERIFY:
        return "verify";
    case COUNTER_STAGE_AUTH_HTTP:
        return "auth_http";
    case COUNTER_STAGE_CLIENT_LOGIN:
        return "client_login";
    case COUNTER_STAGE_COUNT:
        break;
    }
    return "";
}
