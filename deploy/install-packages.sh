#!/bin/sh
# install-packages.sh SET... - installs the Debian packages of the named sets.
#
# Sets:
#   build     compiles popinjay
#   run       the demonstration: a Dovecot of its own
#   test      make test; includes run, clients, servers and package
#   clients   the mail programs of tests/clients
#   servers   what tests/support/roots.py unpacks further IMAP servers with
#   package   make deb, and a fresh root to install it in
#   fuzz      make fuzz
#   coverage  make coverage
#   soak      make soak; includes run
#   bench     make bench: the servers that stand beside popinjay, and gnuplot
#
# Asks dpkg first: when all is there, nothing is done and no network is used.
# Needs root or sudo only when something is missing. With --list it prints
# what is missing and installs nothing.
set -eu

build='gcc libc6-dev make pkg-config libuv1-dev libssl-dev libinih-dev
       libjansson-dev libseccomp-dev uthash-dev libgsasl-dev libcrypt-dev
       libc-ares-dev libcurl4-openssl-dev LLHTTP'
run='ca-certificates curl dovecot-core dovecot-imapd openssl python3'
tests='chromium clang-format dovecot-pop3d fail2ban groff-base haproxy
       libcmocka-dev libnginx-mod-mail nginx prometheus python3-kubernetes python3-pil
       python3-pytest python3-yaml rsyslog systemd'
clients='bsdutils curl default-jdk-headless fetchmail getmail6
         libio-socket-ssl-perl libmail-java mpop neomutt nmh nodejs NPM perl
         ruby s-nail'
servers='apt dpkg openssl tar'
package='build-essential debhelper dpkg-dev lintian mmdebstrap'
fuzz='clang LIBCLANG_RT'
coverage='gcovr'
soak='nodejs NPM'
bench='dovecot-core dovecot-imapd dovecot-pop3d gnuplot-nox libnginx-mod-mail
       nginx openssl python3'

usage() {
    echo "usage: $0 [--list] SET..." >&2
    sed -n '/^# Sets:/,/^#$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# llhttp has a package of its own from Debian 13 on; on Debian 12 its C sources
# come with the one for node, and the Makefile compiles them.
llhttp_package() {
    for p in libllhttp-dev node-llhttp; do
        if is_installed "$p"; then
            echo "$p"
            return
        fi
    done
    if apt-cache show libllhttp-dev >/dev/null 2>&1; then
        echo libllhttp-dev
    else
        echo node-llhttp
    fi
}

# libFuzzer and the sanitizers' run time: of the version that clang is.
clang_rt_package() {
    apt-cache depends clang 2>/dev/null |
        sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p' | head -n 1
}

missing_of() {
    for p; do
        case $p in
        LLHTTP) p=$(llhttp_package) ;;
        LIBCLANG_RT) p=$(clang_rt_package) ;;
        # Other makers' packages of node bring it, and exclude Debian's.
        NPM) command -v npm >/dev/null && continue || p=npm ;;
        esac
        is_installed "$p" || echo "$p"
    done | sort -u | tr '\n' ' '
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "$0: needs root or sudo to run: $*" >&2
        return 1
    fi
}

list_only=no
wanted=
[ $# -gt 0 ] || usage
for set_name; do
    case $set_name in
    --list) list_only=yes ;;
    build) wanted="$wanted $build" ;;
    run) wanted="$wanted $run" ;;
    test) wanted="$wanted $run $tests $clients $servers $package" ;;
    clients) wanted="$wanted $clients" ;;
    servers) wanted="$wanted $servers" ;;
    package) wanted="$wanted $package" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    coverage) wanted="$wanted $tests $coverage" ;;
    soak) wanted="$wanted $run $soak" ;;
    bench) wanted="$wanted $bench" ;;
    *) usage ;;
    esac
done

# Word splitting of the lists is what is meant here and below.
# shellcheck disable=SC2086
missing=$(missing_of $wanted)
if [ "$list_only" = yes ]; then
    echo "$missing"
    exit 0
fi
[ -n "$missing" ] || exit 0

as_root apt-get update -q
# Only now is it known whether apt has heard of libllhttp-dev.
# shellcheck disable=SC2086
missing=$(missing_of $wanted)
echo "installing: $missing"

# Some of the packages would start system services on ports that are not ours to
# open: policy-rc.d forbids it for as long as the installation takes, and after
# that the services are disabled, for the next boot.
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
    trap 'as_root rm -f "$guard"' EXIT
    trap 'exit 130' INT TERM HUP
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$guard && chmod 755 $guard"
fi
# shellcheck disable=SC2086
as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends $missing
for service in dovecot-core:dovecot fail2ban:fail2ban haproxy:haproxy \
               nginx:nginx prometheus:prometheus; do
    case " $missing " in
    *" ${service%:*} "*) as_root update-rc.d "${service#*:}" disable ;;
    esac
done
# It has no script for init, and systemd need not run for this.
case " $missing " in
*" rsyslog "*) as_root systemctl --root=/ disable rsyslog.service ;;
esac
