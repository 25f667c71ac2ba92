# Cuts the code blocks out of Markdown pages.  Usage: awk -v out=FOLDER -f blocks.awk PAGE.md ...
# A block ```LANG becomes out/PAGE/LINE.LANG, LINE being that of its first line, with five digits. Comments right above a block:
#   <!-- given: CODE -->    what it takes for granted; comes first in it
#   <!-- file: NAME -->     it is the content of a file, which later blocks of the page can use; makes LINE.LANG.file
#   <!-- only checked -->   commands that take too long to be run; makes LINE.LANG.checked
# A block without a language is refused: what a program printed is ```text.
function problem(what) {
  printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
  problems = 1
}
FNR == 1 {
  if (inside) { problem("the last block of the page before is not closed") }
  inside = 0
  given = name = checked = ""
  page = FILENAME
  sub(/.*\//, "", page)
  sub(/\.md$/, "", page)
  system("mkdir -p '" out "/" page "'")
}
/^```/ && !inside {
  inside = 1
  lang = substr($0, 4)
  if (lang !~ /^(cpp|sh|toml|cmake|python|csv|text)$/) { problem("a block of '" lang "'; expected cpp, sh, toml, cmake, python, csv or text") }
  file = sprintf("%s/%s/%05d.%s", out, page, FNR + 1, lang)
  printf "%s", given != "" ? given "\n" : "" > file
  if (name != "") { print name > (file ".file"); close(file ".file") }
  if (checked != "") { printf "" > (file ".checked"); close(file ".checked") }
  next
}
/^```/ { inside = 0; close(file); given = name = checked = ""; next }
inside { print > file; next }
match($0, /^<!-- given: .* -->$/) { given = given (given == "" ? "" : "\n") substr($0, 13, length($0) - 16); next }
match($0, /^<!-- file: .* -->$/) { name = substr($0, 12, length($0) - 15); next }
/^<!-- only checked/ { checked = "yes"; next }
{ given = name = checked = "" }
END { exit problems }
