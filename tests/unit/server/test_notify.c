/* test_notify.c - SD-1, SD-4: what reaches the socket of the service manager. */
#include "server/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_notify.XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* A manager's socket at |path|, or with '@' in the abstract namespace. */
static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                 strlen(path) + (path[0] == '/'));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

static const char *heard(int fd)
{
    static char text[2 * NOTIFY_MAX];
    ssize_t size = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[size < 0 ? 0 : size] = '\0';
    return text;
}

static void told_at(const char *path)
{
    int fd = listen_at(path);
    char much[2 * NOTIFY_MAX];
    struct notify n;

    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    notify_init(&n);
    notify_send(&n, "READY=1\nSTATUS=%s", "serving");
    assert_string_equal(heard(fd), "READY=1\nSTATUS=serving");
    notify_reloading(&n);
    assert_int_equal(strncmp(heard(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    memset(much, 'x', sizeof(much));
    much[sizeof(much) - 1] = '\0';
    notify_send(&n, "STATUS=%s", much);
    assert_int_equal(strlen(heard(fd)), NOTIFY_MAX - 1);
    close(fd);
    notify_send(&n, "nobody is there any more");
    notify_fini(&n);
}

static void test_sockets(void **state)
{
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/notify", folder);
    told_at(path);
    unlink(path);
    (void)snprintf(path, sizeof(path), "@%s", folder);
    told_at(path);
}

static void test_nobody_asks(void **state)
{
    static const char *const names[] = { "", "/", "relative", "vsock:2:1" };
    char longer[256];
    struct notify n;

    (void)state;
    memset(longer, '/', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(setenv("NOTIFY_SOCKET", longer, 1), 0);
    notify_init(&n);
    assert_int_equal(n.fd, -1);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify_init(&n);
        assert_int_equal(n.fd, -1);
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_init(&n);
    assert_int_equal(n.fd, -1);
    notify_send(&n, "READY=1");
    notify_fini(&n);
}

static uint64_t watchdog_ms(const char *usec, const char *pid)
{
    struct notify n;

    assert_int_equal(setenv("NOTIFY_SOCKET", "/nowhere", 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
    if (pid != NULL)
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    else
        assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
    notify_init(&n);
    notify_fini(&n);
    return n.watchdog_ms;
}

static void test_watchdog(void **state)
{
    char ours[32];

    (void)state;
    (void)snprintf(ours, sizeof(ours), "%ld", (long)getpid());
    assert_int_equal(watchdog_ms("30000000", ours), 15000);
    assert_int_equal(watchdog_ms("30000000", NULL), 15000);
    assert_int_equal(watchdog_ms("30000000", "1"), 0); /* another's */
    assert_int_equal(watchdog_ms("", ours), 0);
    assert_int_equal(watchdog_ms("-1", ours), 0);
    assert_int_equal(watchdog_ms("30s", ours), 0);
    assert_int_equal(watchdog_ms("99999999999999999999999", ours), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_nobody_asks),
        cmocka_unit_test(test_watchdog),
    };

    return cmocka_run_group_tests_name("server/notify", tests, set_up,
                                       tear_down);
}
