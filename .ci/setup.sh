# shellcheck shell=bash
# What ./demo, ./check and .ci/run share: finding tools and installing those that are missing. Sourced.
# Nothing here asks a question. Packages come from apt where there is root or a sudo without password; build tools else from pip,
# into target/tools.

have() { command -v "$1" >/dev/null 2>&1; }
say() { printf '== %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'help: %s\n' "$2" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

# Install packages; fails quietly where that is impossible.
apt_install() {
    have apt-get && as_root true || return 1
    say "apt-get install $*"
    local quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=2)
    as_root "${quiet[@]}" install --no-install-recommends "$@" >&2 && return 0
    as_root "${quiet[@]}" update >&2 && as_root "${quiet[@]}" install --no-install-recommends "$@" >&2
}

tools_dir() { printf '%s/tools' "${CARGO_TARGET_DIR:-$PWD/target}"; }

# Where libclang is: a folder with libclang*.so, or nothing.
libclang_dir() {
    local dir
    for dir in "${LIBCLANG_PATH:-}" "$(tools_dir)/clang/native" /usr/lib/llvm-*/lib /usr/lib64 /usr/lib /usr/lib/*-linux-gnu /usr/local/lib; do
        if [ -n "$dir" ] && compgen -G "$dir/libclang*.so*" >/dev/null; then
            printf '%s' "$dir"
            return 0
        fi
    done
    return 1
}

pip_install() {
    have python3 || return 1
    say "pip install $*"
    local pip=(python3 -m pip)
    if ! "${pip[@]}" --version >/dev/null 2>&1; then
        # Debian without python3-pip, but with venv.
        python3 -m venv "$(tools_dir)/venv" >&2 || return 1
        pip=("$(tools_dir)/venv/bin/python" -m pip)
    fi
    "${pip[@]}" install --quiet --disable-pip-version-check --target "$(tools_dir)" --upgrade "$@" >&2
}

# Rust, a C compiler, cmake and libclang: what the build of Unicorn and Capstone needs.
need_build_tools() {
    if ! have cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH="$HOME/.cargo/bin:$PATH"; fi
    have cargo || die "cargo is not installed" "see https://rustup.rs, then run this again"
    # What an earlier run has put there.
    PATH="$PATH:$(tools_dir)/cmake/data/bin"
    local packages=()
    have cc && have make || packages+=(build-essential)
    have cmake || packages+=(cmake)
    libclang_dir >/dev/null || packages+=(libclang-dev)
    [ ${#packages[@]} = 0 ] || apt_install "${packages[@]}" || say "apt cannot install ${packages[*]}"
    have cc && have make || die "there is no C compiler" "install build-essential (Debian) or its like"
    have cmake || pip_install cmake || true
    have cmake || die "there is no cmake" "install cmake from your distribution"
    if ! libclang_dir >/dev/null; then
        pip_install libclang || true
        # The wheel brings the library without the compiler's own headers.
        BINDGEN_EXTRA_CLANG_ARGS="${BINDGEN_EXTRA_CLANG_ARGS:-} -I$(cc -print-file-name=include)"
        export BINDGEN_EXTRA_CLANG_ARGS
    fi
    LIBCLANG_PATH="$(libclang_dir)" || die "there is no libclang" "install libclang-dev from your distribution"
    export PATH LIBCLANG_PATH
}

# What tests use when it is there: the cross compiler (fixtures are rebuilt and compared), QEMU (oracle), gdb, readers of exports
# (GTKWave's converters, sigrok, Python; a test puts the package perfetto into a virtual environment under target/), a browser.
need_test_tools() {
    local wanted=(
        arm-none-eabi-gcc:gcc-arm-none-eabi
        arm-none-eabi-gcc:libnewlib-arm-none-eabi
        qemu-system-arm:qemu-system-arm
        gdb-multiarch:gdb-multiarch
        sigrok-cli:sigrok-cli
        vcd2fst:gtkwave
        fst2vcd:gtkwave
        python3:python3
        python3:python3-venv
    )
    local pair packages=() browser=() missing=()
    for pair in "${wanted[@]}"; do have "${pair%%:*}" || packages+=("${pair#*:}"); done
    if have arm-none-eabi-gcc && [ "$(arm-none-eabi-gcc -print-file-name=libc.a)" = libc.a ]; then
        packages+=(libnewlib-arm-none-eabi)
    fi
    [ ${#packages[@]} = 0 ] || apt_install "${packages[@]}" || true
    # The browser that opens reports. On its own: not every distribution has it under this name.
    have chromium || have chromium-browser || have google-chrome || browser+=(chromium)
    have chromedriver || browser+=(chromium-driver)
    if [ ${#browser[@]} != 0 ]; then apt_install "${browser[@]}" || missing+=("${browser[@]}"); fi
    for pair in "${wanted[@]}"; do have "${pair%%:*}" || missing+=("${pair%%:*}"); done
    # Readers of what tickscope writes for Python and for GitHub.
    export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}$(tools_dir)"
    if have python3 && ! python3 -c 'import pytest, yaml' 2>/dev/null; then
        pip_install pytest pyyaml || true
        python3 -c 'import pytest, yaml' 2>/dev/null || missing+=(pytest pyyaml)
    fi
    [ ${#missing[@]} = 0 ] || say "not installed, their tests are skipped: ${missing[*]}"
}
