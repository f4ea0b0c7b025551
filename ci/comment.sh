#!/usr/bin/env bash
# Put a comment on a pull request, or replace the one put there before: the first line, a hidden marker, finds it.
#   comment.sh FILE PULL_REQUEST   with gh logged in (GH_TOKEN) and GITHUB_REPOSITORY set
set -euo pipefail
file=$1 request=$2
MARKER=$(head -n 1 "$file")
export MARKER
comments=repos/$GITHUB_REPOSITORY/issues/$request/comments
old=$(gh api --paginate "$comments" --jq '.[] | select(.body | startswith(env.MARKER)) | .id' | head -n 1)
if [ -n "$old" ]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$old" --field "body=@$file"
else
    gh api --silent --method POST "$comments" --field "body=@$file"
fi
