# gate: its shims come first on PATH. Written by `gate shell-init`.
$global:__GateShims = @FOLDER@
function global:__GatePutFirst {
    $separator = [System.IO.Path]::PathSeparator
    $rest = @($env:PATH -split [regex]::Escape($separator) | Where-Object { $_ -cne $global:__GateShims })
    $env:PATH = (@($global:__GateShims) + $rest) -join $separator
}
function global:__GateFirst {
    $separator = [System.IO.Path]::PathSeparator
    if ("$env:PATH$separator".StartsWith("$global:__GateShims$separator", [System.StringComparison]::Ordinal)) { return }
    __GatePutFirst
    if (-not $global:__GateSaid) {
        $global:__GateSaid = $true
        [Console]::Error.WriteLine('gate: something had put other folders before the shims on PATH; they are first again')
    }
}
__GatePutFirst
if (-not $global:__GatePrompt) {
    $global:__GatePrompt = $function:prompt
    function global:prompt {
        __GateFirst
        & $global:__GatePrompt
    }
}
