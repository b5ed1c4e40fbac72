#!/bin/sh
# check_layers.sh BUILD - the layers of the sources, and that the pure ones are
# pure: base, pop3, imap and session know octets and time given to them, but no
# network, no files, no threads and no clock.
#
# Looks at the symbols that BUILD/libpure.a leaves undefined, and at what each
# file includes. Shows first that it would notice.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}

# One extended regular expression a line, matched against whole symbols.
forbidden='
uv_.*
(SSL|BIO|EVP|ERR|RAND|X509|CRYPTO|OPENSSL|HMAC|SHA[0-9]*|PEM|ASN1)_.*
(llhttp|ini|json)_.*
socket|socketpair|connect|bind|listen|accept4?|shutdown|getsockname|getpeername
(send|recv)(to|from|msg|mmsg)?|[gs]etsockopt|getaddrinfo|getnameinfo|gethostby.*
p?poll|p?select|epoll_.*|eventfd|timerfd_.*|signalfd|inotify_.*|io_uring_.*
open(at)?(64)?|creat(64)?|close|p?(read|write)v?(64)?|lseek(64)?|sendfile(64)?
f?(stat|truncate|sync)(64)?|unlink(at)?|rename(at)?|mkdir|opendir|readdir|access
__(open|read|pread|poll|recv|recvfrom)(64)?(_2|_chk)
dup[23]?|pipe2?|ioctl|fcntl(64)?|mmap(64)?|munmap|mkstemp|tmpfile|getcwd
f(open|dopen|reopen)(64)?|f(close|read|write|gets|puts|putc|getc|flush|scanf)
v?f?printf|__v?f?printf_chk|puts|putchar|perror|stdin|stdout|stderr|syslog
time|times|clock.*|gettimeofday|ftime|localtime.*|gmtime.*|mktime|strftime
sleep|usleep|nanosleep|alarm|[gs]etitimer|timer_.*
pthread_.*|thrd_.*|mtx_.*|cnd_.*|sem_.*|fork|vfork|exec.*|posix_spawn.*|system
signal|sigaction|raise|kill|rand|srand|random|srandom|getrandom|getentropy
getenv|secure_getenv|setlocale|isatty|getpid
'

# What each layer may include of ours.
may_include() {
    case $1 in
    base) echo base ;;
    pop3) echo base pop3 ;;
    imap) echo base imap ;;
    session) echo base pop3 imap session ;;
    net) echo base net ;;
    access) echo base pop3 imap session net access . ;;
    server) echo base pop3 imap session net access server . ;;
    cli) echo base pop3 imap session net access server cli . ;;
    esac
}

# What the pure layers may include of the system's.
c_headers=' assert.h ctype.h errno.h inttypes.h limits.h stdalign.h stdarg.h
 stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h stdnoreturn.h
 sys/types.h uthash.h utarray.h utlist.h '

symbols_ok() { # ARCHIVE
    pattern=$(echo "$forbidden" | sed '/^$/d' | paste -sd '|')
    defined=$(mktemp)
    nm --defined-only -P "$1" 2>/dev/null | awk 'NF > 1 { print $1 }' |
        sort -u >"$defined"
    found=$(nm -u -P "$1" | awk '$2 == "U" { print $1 }' | sort -u |
            comm -23 - "$defined" | grep -Ex "$pattern" || true)
    rm -f "$defined"
    [ -z "$found" ] && return
    echo "layers: $1 is not pure; it uses:" $found
    return 1
}

includes_ok() { # TREE
    bad=0
    for layer in base pop3 imap session net access server cli; do
        allowed=" $(may_include $layer) "
        # Each line: FILE:#include <x.h> or FILE:#include "a/x.h"
        lines=$(cd "$1" && grep -EHo '^ *# *include *[<"][^>"]*' \
                proxy/$layer/*.c include/$layer/*.h 2>/dev/null || true)
        while IFS= read -r line; do
            [ -n "$line" ] || continue
            file=${line%%:*}
            header=${line##*[<\"]}
            case $line in
            *\"*)
                folder=$(dirname "$header")
                case $allowed in *" $folder "*) continue ;; esac
                ;;
            *)
                case "$layer $header" in
                access\ * | server\ * | cli\ *) continue ;;
                net\ llhttp.h) ;;
                net\ *) continue ;;
                *)
                    case " $(echo $c_headers) " in
                    *" $header "*) continue ;;
                    esac
                    ;;
                esac
                ;;
            esac
            echo "layers: $file may not include $header"
            bad=1
        done <<LINES
$lines
LINES
    done
    return $bad
}

# The check of the check: each of these has to be noticed.
must_fail() { # WHAT COMMAND...
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then
        echo "layers: the check is blind to $what"
        exit 1
    fi
}

self_check() {
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    for symbol in uv_now SSL_new llhttp_init socket fopen clock_gettime \
                  pthread_create; do
        echo "int $symbol(void); int f(void); int f(void){return $symbol();}" |
            ${CC:-gcc} -w -fno-builtin -x c -c -o "$scratch/x.o" -
        rm -f "$scratch/x.a"
        ar qcs "$scratch/x.a" "$scratch/x.o"
        must_fail "$symbol" symbols_ok "$scratch/x.a"
    done
    mkdir -p "$scratch/proxy/pop3" "$scratch/proxy/net"
    for header in '"imap/response.h"' '"session/bridge.h"' '<uv.h>' \
                  '<time.h>' '"config.h"'; do
        echo "#include $header" >"$scratch/proxy/pop3/x.c"
        must_fail "pop3/ including $header" includes_ok "$scratch"
    done
    rm "$scratch/proxy/pop3/x.c"
    mkdir -p "$scratch/proxy/access"
    echo '#include "server/relay.h"' >"$scratch/proxy/access/x.c"
    must_fail 'access/ including "server/relay.h"' includes_ok "$scratch"
    rm "$scratch/proxy/access/x.c"
    echo '#include <llhttp.h>' >"$scratch/proxy/net/x.c"
    must_fail 'net/ including <llhttp.h>' includes_ok "$scratch"
    echo '#include "base/span.h"' >"$scratch/proxy/net/x.c"
    includes_ok "$scratch"
}

self_check
status=0
if [ -z "$(nm "$build/libpure.a" 2>/dev/null)" ]; then
    echo "layers: $build/libpure.a is missing or empty"
    status=1
else
    symbols_ok "$build/libpure.a" || status=1
fi
includes_ok . || status=1
[ $status -ne 0 ] || echo "layers: pure layers are pure, includes go one way"
exit $status
