#!/bin/sh
# Puts wazuh-docker-listener in the place of Wazuh's DockerListener, or takes it out again. Works on any Linux with a POSIX
# shell; where a package manager is at hand its package does the same and follows upgrades of Wazuh.
set -eu

NAME=wazuh-docker-listener
home=/var/ossec
program=
rules=
action=install
dry_run=no
with_config=yes
only_rules=no

usage() {
    cat <<END
usage: install.sh [--home DIR] [--program FILE] [--rules DIR] [--no-config] [--only-rules] [--dry-run]
       install.sh --uninstall [--home DIR] [--only-rules] [--dry-run]

  --home DIR      Wazuh's home [default: /var/ossec]
  --program FILE  the program to install [default: beside this script, else /usr/bin/$NAME]
  --rules DIR     where the rules are, for a manager [default: beside this script]
  --no-config     leave etc/docker-listener.json alone
  --only-rules    leave the program alone too, as where the Debian package is in charge of it
  --uninstall     bring Wazuh's own DockerListener back
  --dry-run       say what would be done, and do nothing

Exit codes: 0 done, 1 nothing was done and why, 2 wrong call
END
}

say() { printf '%s: %s\n' "$NAME" "$*"; }

refuse() {
    printf '%s: %s\n' "$NAME" "$*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --home | --program | --rules)
            [ $# -ge 2 ] || { usage >&2; exit 2; }
            case $1 in
                --home) home=${2%/} ;;
                --program) program=$2 ;;
                --rules) rules=$2 ;;
            esac
            shift
            ;;
        --no-config) with_config=no ;;
        --only-rules) only_rules=yes ;;
        --uninstall) action=uninstall ;;
        --dry-run) dry_run=yes ;;
        --help | -h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

here=$(cd "$(dirname "$0")" && pwd)
folder=$home/wodles/docker
wodle=$folder/DockerListener
# Wazuh's own, and the checksum of what was put in its place.
original=$wodle.wazuh
placed=$wodle.placed
# A manager's files, each with its folder.
placed_rules='docker_listener_rules.xml:etc/rules docker-registries:etc/lists'

run() {
    if [ "$dry_run" = yes ]; then
        say "would: $*"
    else
        "$@"
    fi
}

sum() { sha256sum "$1" | cut -d ' ' -f 1; }

# Whether the program in place is one that this script put there.
is_ours() { [ -f "$wodle" ] && [ -f "$placed" ] && [ "$(sum "$wodle")" = "$(cat "$placed")" ]; }

# The group that Wazuh's own files have.
group() {
    if getent group wazuh >/dev/null 2>&1; then
        echo wazuh
    else
        stat -c %G "$home"
    fi
}

# copy FROM TO OWNER MODE: never half a file in place. It is made where only root may write: Wazuh's user may write to etc,
# and could put a link there.
copy() {
    if [ "$dry_run" = yes ]; then
        say "would: install $1 as $2 ($3, $4)"
        return
    fi
    new=$(mktemp "$folder/.new.XXXXXX")
    cp "$1" "$new"
    chown "$3" "$new"
    chmod "$4" "$new"
    mv -f -T "$new" "$2"
}

refuse_unless_sound() {
    [ "$(id -u)" = 0 ] || [ "$dry_run" = yes ] || refuse "only root may do this"
    [ -d "$home" ] || refuse "there is no $home; install the Wazuh agent first, or give its home with --home"
    [ -d "$folder" ] || refuse "there is no $folder; is $home the home of a Wazuh 4.x or 5.x agent or a 4.x manager?"
    [ "$only_rules" = no ] || return 0
    if [ -L "$wodle" ] || [ -L "$original" ] || [ -L "$placed" ]; then
        refuse "a link is in the place of a file in $folder; look who made it"
    fi
    if command -v dpkg-divert >/dev/null 2>&1 && [ "$(dpkg-divert --truename "$wodle")" != "$wodle" ]; then
        refuse "the Debian package $NAME is in charge of $wodle; use apt"
    fi
    # Half-done: something was taken away, and what is there now is neither of the two.
    if [ -f "$placed" ] && [ ! -f "$wodle" ]; then
        refuse "$wodle is missing although it was installed; put it back, or remove $placed to start anew"
    fi
}

install_program() {
    if [ -z "$program" ]; then
        program=$here/$NAME
        [ -f "$program" ] || program=/usr/bin/$NAME
    fi
    [ -f "$program" ] || refuse "there is no program at $program; build it, or name it with --program"
    # One that does not run here must not be put in the place of one that does.
    "$program" --version >/dev/null 2>&1 || refuse "$program does not run on this machine"
    if is_ours; then
        if [ "$(sum "$program")" = "$(cat "$placed")" ]; then
            say "$wodle is this program already"
            return
        fi
    elif [ -f "$wodle" ]; then
        # Also after an upgrade of Wazuh, which puts its own back: the newest is the one to keep.
        run mv -f "$wodle" "$original"
    fi
    copy "$program" "$wodle" "root:$(group)" 0750
    [ "$dry_run" = yes ] || sum "$program" >"$placed"
    say "$wodle is in place; restart Wazuh to use it"
}

install_config() {
    config=$home/etc/docker-listener.json
    [ "$with_config" = yes ] || return 0
    if [ -e "$config" ]; then
        return 0
    elif [ -f "$here/docker-listener.json" ] && [ -d "$home/etc" ]; then
        copy "$here/docker-listener.json" "$config" "root:$(group)" 0640
    fi
}

# A manager's rules and list, where nobody has changed what was put there before.
install_rules() {
    [ -n "$rules" ] || rules=$here/ossec-rules
    [ -d "$rules" ] && [ -x "$home/bin/wazuh-analysisd" ] || return 0
    for pair in $placed_rules; do
        from=$rules/${pair%%:*}
        to=$home/${pair##*:}/${pair%%:*}
        if [ ! -f "$from" ] || [ ! -d "${to%/*}" ]; then
            continue
        fi
        mark=$folder/${pair%%:*}.placed
        if [ -e "$to" ] && { [ ! -f "$mark" ] || [ "$(sum "$to")" != "$(cat "$mark")" ]; }; then
            say "$to was changed by somebody and stays as it is"
        else
            copy "$from" "$to" "wazuh:wazuh" 0660
            [ "$dry_run" = yes ] || sum "$from" >"$mark"
        fi
    done
}

uninstall_rules() {
    for pair in $placed_rules; do
        to=$home/${pair##*:}/${pair%%:*}
        mark=$folder/${pair%%:*}.placed
        if [ -f "$mark" ] && [ -f "$to" ] && [ "$(sum "$to")" = "$(cat "$mark")" ]; then
            run rm -f "$to"
        fi
        run rm -f "$mark"
    done
}

uninstall() {
    if [ ! -f "$placed" ]; then
        say "it is not installed in $home"
        return
    fi
    if is_ours; then
        run rm -f "$wodle"
    elif [ -f "$wodle" ]; then
        # An upgrade of Wazuh has put its own back already.
        run rm -f "$original"
    fi
    if [ -f "$original" ]; then
        run mv -f "$original" "$wodle"
    fi
    uninstall_rules
    run rm -f "$placed"
    say "Wazuh's own DockerListener is back; restart Wazuh to use it"
}

refuse_unless_sound
if [ "$only_rules" = yes ]; then
    case $action in
        install) install_rules ;;
        uninstall) uninstall_rules ;;
    esac
elif [ "$action" = uninstall ]; then
    uninstall
else
    install_program
    install_config
    install_rules
fi
