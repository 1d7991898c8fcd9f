#!/bin/sh
# Golden recordings by a lock file: golden.sh [--update] [LOCK [FOLDER]]
#
# Records what is missing in FOLDER (default: `recordings` beside LOCK, which is `recordings.lock` beside this script), and checks
# every recording against the generator and calendar versions, the flags and the digest of its line in LOCK. With --update all
# are recorded again, and the result is written to LOCK. Needs `tradesim` in PATH, or its path in TRADESIM.
#
# Exit codes: 0 everything is as pinned; 3 something is not; others as tradesim has them (65: a damaged file or a bad line).
set -euf

update=
if [ "${1-}" = --update ]; then
  update=yes
  shift
fi
lock=${1:-$(dirname "$0")/recordings.lock}
folder=${2:-$(dirname "$lock")/recordings}
tradesim=${TRADESIM:-tradesim}
command -v "$tradesim" >/dev/null || { echo "golden: there is no $tradesim in PATH; or say TRADESIM=…" >&2; exit 2; }
[ -r "$lock" ] || { echo "golden: $lock cannot be read" >&2; exit 2; }
mkdir -p "$folder"

# Of two failures the first decides the exit code, and all are said.
status=0
failed() {
  [ "$status" -ne 0 ] || status=$1
  echo "golden: $2" >&2
}

record() { # FILE FLAGS…: the settings of whoever runs this do not count
  file=$1
  shift
  "$tradesim" record "$@" --no-env -o "$folder/$file" >/dev/null </dev/null
}

said() { # FILE KEY: what the archive says of itself
  info=$("$tradesim" info --json "$folder/$1" </dev/null) || return
  echo "$info" | sed -n "s/.*\"$2\": *\"\([^\"]*\)\".*/\1/p" | head -n 1
}

origin_of() { # FILE: what an archive was recorded from, as `record --dry-run` states it for flags
  info=$("$tradesim" info "$folder/$1" </dev/null) || return
  echo "$info" | sed -n 's/^identity  *//p; s/^cut  *//p'
}

plan_of() { # FLAGS…
  plan=$("$tradesim" record "$@" --no-env --dry-run </dev/null 2>/dev/null) || return
  echo "$plan" | sed -n 's/^identity  *//p; s/^kept  *only a part: //p'
}

check() { # FILE GENERATOR[@CALENDAR] DIGEST FLAGS…
  file=$1 generator=${2%%@*} calendar=${2#*@} digest=$3
  [ "$calendar" != "$2" ] || calendar=
  shift 3
  origin='it was there already: if it is an old one, delete it and run this again'
  if [ ! -e "$folder/$file" ]; then
    record "$file" "$@" || { failed $? "$file cannot be recorded"; return; }
    origin='it was just recorded: to accept what is made today, run this with --update and review the lock'
  fi
  found=$(said "$file" generator_version) || { failed $? "$file cannot be read: delete it and run this again"; return; }
  if [ "$found" != "$generator" ]; then
    failed 3 "drift: $file is of generator ${found:-unknown}, pinned is $generator; $origin"
    return
  fi
  if [ -n "$calendar" ]; then
    found=$(said "$file" calendar_version) || { failed $? "$file cannot be read: delete it and run this again"; return; }
    if [ "$found" != "$calendar" ]; then
      failed 3 "drift: $file is of calendar ${found:-unknown}, pinned is $calendar; $origin"
      return
    fi
  fi
  wanted=$(plan_of "$@") || { failed $? "$file: 'tradesim record $*' is refused"; return; }
  found=$(origin_of "$file") || { failed $? "$file cannot be read: delete it and run this again"; return; }
  if [ "$found" != "$wanted" ]; then
    failed 3 "drift: $file was recorded with other flags than '$*': delete it and run this again"
    return
  fi
  code=0
  report=$("$tradesim" verify "$folder/$file" --against "$digest" 2>&1 </dev/null) || code=$?
  case $code in
    0) echo "golden: $file is as pinned, $digest" ;;
    3) failed 3 "drift: $file is not $digest; $origin" ;;
    *) failed "$code" "$file does not verify: delete it and run this again" ;;
  esac
  [ "$code" -eq 0 ] || echo "$report" >&2
}

renew() { # FILE FLAGS…: its line of the lock
  record "$@" --force || exit
  generator=$(said "$1" generator_version) calendar=$(said "$1" calendar_version) digest=$(said "$1" digest) file=$1
  shift
  echo "$file $generator@$calendar $digest $*"
}

if [ -n "$update" ]; then
  trap 'rm -f "$lock.new"' EXIT
  : >"$lock.new"
fi
while IFS= read -r line || [ -n "$line" ]; do
  # shellcheck disable=SC2086
  set -- $line
  case ${1-} in
    '' | '#'*)
      [ -z "$update" ] || printf '%s\n' "$line" >>"$lock.new"
      continue
      ;;
  esac
  case ${1-} in
    */* | *..* | -* | .*)
      failed 65 "$lock: '$1' is not the name of a file in $folder: it may not begin with . or -, and not contain / or .."
      continue
      ;;
  esac
  if [ $# -lt 4 ]; then
    failed 65 "$lock: '$line' is not FILE GENERATOR[@CALENDAR] DIGEST FLAGS…"
  elif [ -n "$update" ]; then
    file=$1
    shift 3
    renew "$file" "$@" >>"$lock.new"
  else
    check "$@"
  fi
done <"$lock"
if [ -n "$update" ] && [ "$status" -eq 0 ]; then
  mv "$lock.new" "$lock"
fi
exit "$status"
