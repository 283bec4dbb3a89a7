#!/usr/bin/env bash
# Makes target/package/switchboard_VERSION_ARCH.deb and switchboard-VERSION-ARCH-linux.tar.gz with the same files in them, of the profile
# `dist`. On Debian and its kin, with what README's two commands need; the package asks for the libraries of the system that it was built
# on, or newer ones. One commit gives the same package each time: files have the time of the commit, the owner root and fixed modes.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=assets/package

target=${CARGO_TARGET_DIR:-target}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

cargo build --profile dist --locked

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/switchboard-$version

put() {
    install -D -m "${3:-644}" "$1" "$root/$2"
}

# put_packed FILE PLACE: without name and time of the file.
put_packed() {
    mkdir -p "$(dirname "$root/$2")"
    gzip -9n <"$1" >"$root/$2"
}

# The licence files of all crates in the program and of the C in them, each text once below the names of those that have it.
licences_of_crates() {
    local crates=$stage/crates texts=$stage/texts name version folder file sum
    mkdir "$texts"
    cargo tree --locked -p switchboard -e normal,build --prefix none --format '{p}' | grep -v ' (/' | cut -d' ' -f1,2 | sort -u >"$crates"
    while read -r name version; do
        for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$name-${version#v}"; do
            find "$folder" -maxdepth 2 -type f -iregex '.*/\(un\)?\(licen[cs]e\|copying\|copyright\|notice\)[^/]*' |
                sort | while read -r file; do
                sum=$(sha256sum "$file" | cut -d' ' -f1)
                cp "$file" "$texts/$sum.text"
                echo "$name ${version#v}" >>"$texts/$sum.crates"
            done
        done
    done <"$crates"
    for file in "$texts"/*.crates; do
        printf '%s\n\n' "$(sort -u "$file" | paste -sd, | sed 's/,/, /g')"
        cat "${file%.crates}.text"
        printf '\n\n%s\n\n' "----------------------------------------------------------------------"
    done
}

put "$target/dist/switchboard" bin/switchboard 755
put $here/switchboard.desktop share/applications/switchboard.desktop
put assets/icon/switchboard.svg share/icons/hicolor/scalable/apps/switchboard.svg
for size in 48 128 256; do
    put assets/icon/switchboard-$size.png share/icons/hicolor/${size}x$size/apps/switchboard.png
done
for page in $here/man/*.1; do
    put_packed "$page" "share/man/man1/${page##*/}.gz"
done
put $here/completions/switchboard.bash share/bash-completion/completions/switchboard
put $here/completions/_switchboard share/zsh/vendor-completions/_switchboard
put $here/completions/switchboard.fish share/fish/vendor_completions.d/switchboard.fish
put README.md share/doc/switchboard/README.md
put assets/profiles/sample.toml share/doc/switchboard/examples/sample.toml
put_packed CHANGELOG.md share/doc/switchboard/CHANGELOG.md.gz
{
    cat $here/copyright LICENSE-MIT
    for licence in assets/fonts/*-OFL.txt; do
        printf '\n%s:\n\n' "${licence##*/}"
        cat "$licence"
    done
} >"$stage/copyright"
put "$stage/copyright" share/doc/switchboard/copyright
licences_of_crates >"$stage/licences"
put_packed "$stage/licences" share/doc/switchboard/licences-of-crates.gz
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

made=$target/package
rm -rf "$made"
mkdir -p "$made"
tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "switchboard-$version" |
    gzip -9n >"$made/switchboard-$version-$(uname -m)-linux.tar.gz"

# The same tree below usr, and what dpkg wants to know of it.
deb=$stage/deb
arch=$(dpkg --print-architecture)
mkdir -p "$deb/DEBIAN" "$stage/debian"
mv "$root" "$deb/usr"
root=$deb/usr
maintainer=$(git log -1 --format='%cn <%ce>')
printf 'switchboard (%s) unstable; urgency=medium\n\n  * What changed stands in CHANGELOG.md.gz beside this file.\n\n -- %s  %s\n' \
    "$version" "$maintainer" "$(date -R -d "@$SOURCE_DATE_EPOCH")" >"$stage/changelog"
put_packed "$stage/changelog" share/doc/switchboard/changelog.gz
printf 'Source: switchboard\n\nPackage: switchboard\nArchitecture: any\n' >"$stage/debian/control"
linked=$(cd "$stage" && dpkg-shlibdeps -O deb/usr/bin/switchboard | sed -n 's/^shlibs:Depends=//p')
sed -e "s/@version@/$version/; s/@arch@/$arch/; s/@linked@/$linked/" -e "s/@maintainer@/$maintainer/" \
    -e "s/@size@/$(du -k -s --apparent-size "$deb/usr" | cut -f1)/" $here/control >"$deb/DEBIAN/control"
(cd "$deb" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$deb/DEBIAN/md5sums"
dpkg-deb --root-owner-group -Zxz --build "$deb" "$made/switchboard_${version}_$arch.deb" >/dev/null
ls -l "$made"
