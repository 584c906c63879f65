#!/bin/sh
# Scan every export in a folder, for cron. Silent when clean; otherwise one report, mailed or printed.
#
#   17 3 * * *  MAIL_TO=security@example.com /opt/app-scanner/cron.sh /srv/mdm/exports /srv/mdm/reports
#
#   REPORTS/scan-DATE-PID.jsonl  the rows of each run that came to its end; it appears whole, or not at all
#   REPORTS/scan.log             a line for every run, clean ones too
#
# APP_SCANNER  the program; default app-scanner
# MAIL_TO      who gets the report; without it, it is printed, and cron mails what is printed
# MAILER       called as MAILER -s SUBJECT MAIL_TO, the report on its stdin; default mail
#
# Exit: app-scanner's own code, or 75 where another run has not ended, or 2 where it was called wrongly.
set -eu
umask 077

APP_SCANNER=${APP_SCANNER:-app-scanner}
MAIL_TO=${MAIL_TO:-}
MAILER=${MAILER:-mail}
BUSY=75

# What goes wrong here must not look like app-scanner's 1, which means "found".
fail() { # CODE TEXT
    printf 'cron.sh: %s\n' "$2" >&2
    exit "$1"
}

# One line in the log.
note() { # TEXT
    printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" >>"$reports/scan.log" || fail 5 'the log cannot be written'
}

# The text on stdin to whoever reads reports.
tell() { # SUBJECT
    if [ -z "$MAIL_TO" ]; then
        printf 'app-scanner: %s\n\n' "$1"
        cat
    else
        "$MAILER" -s "app-scanner: $1" "$MAIL_TO" 9>&- || printf 'cron.sh: not mailed: %s\n' "$1" >&2
    fi
}

[ $# -eq 2 ] || fail 2 'usage: cron.sh EXPORTS REPORTS'
command -v flock >/dev/null || fail 2 'flock is not installed (Debian: util-linux)'
exports=$(CDPATH='' cd -- "$1" && pwd -P) || fail 5 "$1: no folder that can be read"
mkdir -p -- "$2" || fail 5 "$2: cannot be made"
reports=$(CDPATH='' cd -- "$2" && pwd -P) || fail 5 "$2: no folder that can be read"
case $reports/ in
    "$exports"/*) fail 2 'REPORTS lies in EXPORTS: the next run would read what this one wrote' ;;
esac

exec 9>"$reports/.lock"
if flock -n 9; then :; else
    [ $? -eq 1 ] || fail 5 'the lock cannot be taken'
    note 'not scanned: the run before has not ended'
    echo 'The run before has not ended; this one did nothing.' | tell 'not scanned'
    exit "$BUSY"
fi

report=scan-$(date -u +%Y-%m-%dT%H%M%SZ)-$$.jsonl
part=$reports/.scan.part
trap 'rm -f -- "$part".jsonl "$part".txt "$part".err' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The names go through a pipe, NUL-separated: no number of exports is too many, and no name is too odd.
set -- "$exports"/*
[ -e "$1" ] || [ -L "$1" ] || set --
code=0
printf '%s\0' "$@" |
    "$APP_SCANNER" scan -q --files-from - -o jsonl="$part.jsonl" -o table="$part.txt" 2>"$part.err" || code=$?

case $code in
    0) said='clean' ;;
    1) said='a listed app was found' ;;
    3) said='nothing found, but not everything could be read' ;;
    4) said='there was nothing to scan' ;;
    5) said='the scan failed' ;;
    *) said="the scan did not end well (exit $code)" ;;
esac

# Only a report that has its summary is a report.
if tail -n 1 -- "$part.jsonl" 2>/dev/null | grep -q '^{"type":"summary"'; then
    mv -f -- "$part.jsonl" "$reports/$report" || fail 5 'the report cannot be kept'
    said="$said: $report"
elif [ "$code" -eq 0 ]; then
    code=5
    said='the scan said that it ended well, and wrote no summary'
fi

note "$said"
[ "$code" -eq 0 ] || cat -- "$part.txt" "$part.err" 2>/dev/null | tell "$said"
exit "$code"
