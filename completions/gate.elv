# Completions of gate for elvish, as `gate completions elvish` prints them.
#
# gate says what can stand at the cursor. Nothing of its answer is evaluated: it is read line by
# line, and every word in it is plain.

use str

set edit:completion:arg-completer[gate] = {|@words|
  # The one on PATH, and never a file that the line names.
  var said = [(try {
    (external gate) __complete elvish -- (all $words[1..]) 2>/dev/null </dev/null | from-lines
  } catch e { nop $e })]
  if (> (count $said) 0) {
    var kind = $said[0]
    if (==s $kind words) {
      each {|line|
        var parts = [(str:split &max=2 "\t" $line)]
        if (== (count $parts) 2) {
          edit:complex-candidate $parts[0] &display=$parts[0]'  ('$parts[1]')'
        } else {
          edit:complex-candidate $line
        }
      } $said[1..]
    } elif (or (==s $kind files) (==s $kind folders)) {
      edit:complete-filename $@words
    } elif (str:has-prefix $kind 'command ') {
      # The word before the command stands for what leads to it, as `sudo` would.
      var from = (str:trim-prefix $kind 'command ')
      edit:complete-sudo (all $words[$from..])
    }
  }
}
