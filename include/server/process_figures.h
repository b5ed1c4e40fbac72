/* process_figures.h - what the process itself costs, as the kernel counts it.
 *
 * Source: proc(5). Where /proc is not there to be read, what it would say is 0.
 */
#ifndef POPINJAY_SERVER_PROCESS_FIGURES_H
#define POPINJAY_SERVER_PROCESS_FIGURES_H

#include <stdint.h>

struct process_figures {
    uint64_t cpu_ms; /* user and system */
    uint64_t resident_octets;
    uint64_t virtual_octets;
    uint64_t open_files;
    uint64_t max_files;
    uint64_t threads;
};

struct process_figures process_figures_read(void);

#endif
