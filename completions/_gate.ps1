# Completions of gate for PowerShell, as `gate completions powershell` prints them.
#
# gate says what can stand at the cursor. Nothing of its answer or of the line is evaluated: it is
# read line by line, and every word in it is plain.

Register-ArgumentCompleter -Native -CommandName gate -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # Neither an alias nor a function: the program on PATH.
    $gate = Get-Command -Name gate -CommandType Application -TotalCount 1 -ErrorAction SilentlyContinue
    if (-not $gate) { return }
    $elements = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition })
    $words = @($elements | Select-Object -Skip 1 | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
        else { $_.Extent.Text }
    })
    # An empty word may not reach a program.
    $options = @('__complete', 'powershell')
    if ($wordToComplete -eq '') { $options += '--empty' }
    $said = @(& $gate.Source @options '--' @words 2>$null)
    if ($said.Count -eq 0) { return }
    $kind = $said[0]
    if ($kind -eq 'words') {
        foreach ($line in ($said | Select-Object -Skip 1)) {
            $parts = $line.Split("`t", 2)
            $about = if ($parts.Count -eq 2) { $parts[1] } else { $parts[0] }
            [System.Management.Automation.CompletionResult]::new($parts[0], $parts[0], 'ParameterValue', $about)
        }
    } elseif ($kind -eq 'files' -or $kind -eq 'folders') {
        [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
    } elseif ($kind.StartsWith('command ')) {
        # What is left of the line, up to the cursor, is a line of its own.
        $from = [int]$kind.Substring(8) + 1
        $line = ''
        if ($from -lt $elements.Count) {
            $begin = $elements[$from].Extent.StartOffset - $commandAst.Extent.StartOffset
            $length = [Math]::Min($cursorPosition - $commandAst.Extent.StartOffset, $commandAst.Extent.Text.Length) - $begin
            $line = $commandAst.Extent.Text.Substring($begin, $length)
            if ($wordToComplete -eq '') { $line += ' ' }
        }
        [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches
    }
}
