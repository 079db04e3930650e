# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What ./maillon and ./test share: the virtual environment beside the code, with exactly what a lock file says.
# Sourced, with $here set to the repository.

venv=$here/.venv

say() { printf '%s\n' "$*" >&2; }

# Our modules are compiled once, and that is kept beside the code: a start that compiles them all takes seconds more.
unset PYTHONDONTWRITEBYTECODE

# A machine that trusts an authority of its own (a proxy that opens TLS) says so in the system's bundle; pip, uv and
# Node.js carry bundles that do not know it. Where there is none, theirs serve.
system_certificates=/etc/ssl/certs/ca-certificates.crt
if [ -s "$system_certificates" ]; then
    export PIP_CERT="${PIP_CERT:-$system_certificates}" SSL_CERT_FILE="${SSL_CERT_FILE:-$system_certificates}"
    export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$system_certificates}"
fi

# A Python of 3.11 or newer, or a plain word about it. One after 3.13 only where there is no other: not everything we need
# has wheels for it yet, and a C compiler must make them.
find_python() {
    for newest in 13 99; do
        for candidate in ${MAILLON_PYTHON:-} python3 python3.13 python3.12 python3.11; do
            if command -v "$candidate" >/dev/null 2>&1 &&
                "$candidate" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $newest))" 2>/dev/null; then
                printf '%s' "$candidate"
                return 0
            fi
        done
    done
    say "Maillon needs Python 3.11 or newer: apt-get install python3"
    return 1
}

# The environment itself. Debian keeps the part that makes one in a package of its own.
make_environment() {
    python=$(find_python)
    rm -rf "$venv.new"
    if "$python" -P -m venv "$venv.new" >/dev/null 2>&1; then
        :
    elif command -v uv >/dev/null 2>&1; then
        uv venv --quiet --python "$python" "$venv.new"
    elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing Debian's python3-venv …"
        { apt-get update -q && apt-get install -y -q python3-venv; } >&2
        rm -rf "$venv.new"
        "$python" -P -m venv "$venv.new"
    else
        say "Python cannot make a virtual environment here: apt-get install python3-venv, then run this again"
        return 1
    fi
    rm -rf "$venv"
    mv "$venv.new" "$venv"
}

# uv: the machine's, or one of our own in the environment.
find_uv() {
    if [ -x "$venv/bin/uv" ]; then
        printf '%s' "$venv/bin/uv"
    elif command -v uv >/dev/null 2>&1; then
        command -v uv
    else
        "$venv/bin/python" -P -m pip install --quiet --disable-pip-version-check --require-hashes \
            --requirement "$here/requirements/uv.lock" >&2
        printf '%s' "$venv/bin/uv"
    fi
}

# install_locked NAME: everything requirements/NAME.lock says, and the code itself; nothing when that is so already.
install_locked() {
    lock=$here/requirements/$1.lock
    wanted="$1 $(cksum <"$lock")"
    if [ -x "$venv/bin/python" ] && [ -f "$venv/installed" ]; then
        installed=$(cat "$venv/installed")
        # What tests need contains what running needs.
        [ "$installed" = "$wanted" ] && return 0
        if [ "$1" = run ] && [ "$installed" = "development $(cksum <"$here/requirements/development.lock")" ]; then
            return 0
        fi
    fi
    if [ ! -w "$here" ]; then
        say "Maillon is not set up in $here for $(id -un), who may not write there:" \
            "run $here/maillon --version once as its owner, with a Python everybody may run"
        return 1
    fi
    # One at a time: a second run waits for the first, then finds the work done.
    if command -v flock >/dev/null 2>&1 && [ "${MAILLON_INSTALLING:-}" = "" ]; then
        exec 9>"$here/.installing"
        flock 9
        MAILLON_INSTALLING=1
        install_locked "$1"
        exec 9>&-
        return 0
    fi
    say "setting up ($1), once …"
    [ -x "$venv/bin/python" ] || make_environment
    rm -f "$venv/installed"
    uv=$(find_uv)
    # Compiled once, here: a machine that keeps no bytecode would compile it all at each start, for seconds.
    "$uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes --requirement "$lock" >&2
    packages=$("$venv/bin/python" -P -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$here/src" >"$packages/maillon.pth"
    printf '%s' "$wanted" >"$venv/installed"
}

# install_for_tests: the programs tests drive and Python does not bring. Where we may not install, we say so plainly.
install_for_tests() {
    missing=""
    command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
    command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
    # For network namespaces, in which cables can be bad.
    command -v ip >/dev/null 2>&1 || missing="$missing iproute2"
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
    # What drives the browser needs this library, and brings it no more than the smallest Debian does.
    ldconfig -p 2>/dev/null | grep -q 'libatomic\.so\.1' || ls /usr/lib/*/libatomic.so.1 >/dev/null 2>&1 ||
        missing="$missing libatomic1"
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing Debian's$missing for the tests …"
        # shellcheck disable=SC2086 # a list of names
        if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } \
            >"${TMPDIR:-/tmp}/maillon-apt.log" 2>&1; then
            return 0
        fi
        say "apt-get could not; see ${TMPDIR:-/tmp}/maillon-apt.log"
    fi
    say "NOT TESTED on this machine, for want of:$missing (as root: apt-get install$missing)"
    export MAILLON_TEST_WITHOUT="${MAILLON_TEST_WITHOUT:-}$missing"
}
