#!/bin/sh
# A backup: backup-postgresql.sh [--compress] [--upload-s3] [--retention DAYS] [other flags of `coachdb backup`]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
exec node "$here/coachdb.cjs" backup "$@"
