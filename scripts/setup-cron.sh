#!/bin/sh
# The schedule in this account's crontab: setup-cron.sh [--list|--remove] [flags of `coachdb cron install`, `list` or `remove`]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
action=install
case "${1-}" in
  --list) action=list; shift ;;
  --remove) action=remove; shift ;;
esac
exec node "$here/coachdb.cjs" cron "$action" "$@"
