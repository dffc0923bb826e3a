# shellcheck shell=bash
# Staging: the copy of the source that is uploaded for one function.
#
# Google's Go buildpack parses only the files in the root of the source, and
# wants there one package that imports the Functions Framework; this repository
# has no Go file in its root. So each function is deployed from a copy with a
# root file that imports that function's package, which registers its target
# (GoogleCloudPlatform/buildpacks, cmd/go/functions_framework/lib/lib.go).

# stage PACKAGE FOLDER writes the source of functions/PACKAGE into FOLDER, which
# it makes. Tests stay out: the buildpack runs go mod tidy, which would want the
# modules that only tests need.
stage() {
  local package=$1 folder=$2 module
  [[ $package =~ ^[a-z]+$ && -d $root/functions/$package ]] || fail "there is no function package functions/$package"
  [[ ! -e $folder || -z $(ls -A "$folder") ]] || fail "the folder $folder is not empty"
  module=$(sed -n 's/^module //p' "$root/go.mod")
  mkdir -p "$folder"
  cp "$root/go.mod" "$root/go.sum" "$folder/"
  cp -R "$root/functions" "$root/shared" "$folder/"
  find "$folder" \( -name '*_test.go' -o -name .DS_Store \) -delete
  find "$folder" -type d -name testdata -prune -exec rm -r {} +
  cat >"$folder/entry.go" <<EOF
// Package entry is the root that Google's Go buildpack wants: it holds one function.
package entry

import (
	_ "$module/functions/$package"
	_ "github.com/GoogleCloudPlatform/functions-framework-go/functions"
)
EOF
}
