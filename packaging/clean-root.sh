# A clean Debian of target/package-test with its real service manager, in
# namespaces (systemd-nspawn). For the programs beside it, which set `suite`.
#
# Needs root, debootstrap, systemd-container and a Debian mirror.
# shellcheck shell=bash disable=SC2154

here=target/package-test
base=$here/base-$suite
root=$here/root-$suite-$$
machine=lanegate-test-$$
arch=$(dpkg --print-architecture)
# What a controller has beside us: a broker, a time daemon, and tools to look.
packages=systemd,systemd-sysv,udev,dbus,util-linux,procps,mosquitto,socat,systemd-timesyncd

seen() { printf 'seen  %s\n' "$*"; }
refuse() { printf 'not so  %s\n' "$*" >&2; exit 1; }

((EUID == 0)) || { echo "run as root: it makes namespaces and a root of its own" >&2; exit 1; }
for tool in debootstrap systemd-nspawn nsenter dpkg-deb; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install debootstrap systemd-container util-linux" >&2; exit 1; }
done

# A root nobody has touched; what was fetched once is kept.
fresh_root() {
    mkdir -p "$here"
    if [[ $(cat "$base/.made-of" 2>/dev/null) != "$packages" ]]; then
        rm -rf "$base"
        debootstrap --variant=minbase --include="$packages" "$suite" "$base" >"$here/debootstrap.log" ||
            { tail -n 5 "$here/debootstrap.log"; exit 1; }
        echo "$packages" >"$base/.made-of"
    fi
    rm -rf "$root"
    cp -a "$base" "$root"
}

# The clean Debian, booted; `init` is its first process as we see it.
boot() {
    systemd-nspawn --quiet --directory="$root" --machine="$machine" --register=no --keep-unit \
        --private-network --boot </dev/null >"$here/boot.log" 2>&1 &
    nspawn=$!
    trap end EXIT
    until init=$(pgrep -P "$nspawn" -x systemd); do kill -0 "$nspawn" || { cat "$here/boot.log"; exit 1; }; sleep 0.2; done
    until_so "the clean $suite has booted" 'systemctl is-system-running | grep -Eq "running|degraded"'
}

end() {
    local of=$?
    if [[ -n ${init:-} ]]; then kill -s RTMIN+4 "$init" 2>/dev/null || true; fi
    for _ in $(seq 100); do kill -0 "$nspawn" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$nspawn" 2>/dev/null || true
    ((of == 0)) && rm -rf "$root"
    exit "$of"
}

inside() {
    nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# Waits until a command inside is true; a minute at most.
until_so() {
    local what=$1 began=$SECONDS
    shift
    until inside sh -c "$*" >/dev/null 2>&1; do
        if ((SECONDS - began >= 60)); then
            inside journalctl -u lanegate --no-pager -n 40 || true
            refuse "$what"
        fi
        sleep 0.3
    done
    seen "$what"
}
