# Narrows the SBOM of the workspace to what is linked into the two programs.
($linked | split("\n") | map(select(. != ""))) as $linked
| (.metadata.component) as $top
| ([$top, .components[]] | map("\(.name)@\(.version)")) as $known
| ($linked - $known) as $missing
| if $missing != [] then error("the SBOM lacks what is linked: \($missing)") else . end
| .components |= map(select("\(.name)@\(.version)" as $crate | $linked | index($crate)))
# One version of one crate may come from two places; then it could not be told which is linked.
| if (.components | length) != ($linked | length) - 1 then error("a crate stands twice") else . end
| ([$top["bom-ref"]] + (.components | map(.["bom-ref"]))) as $refs
| .dependencies |= map(select(.ref as $ref | $refs | index($ref))
    | .dependsOn = ((.dependsOn // []) | map(select(. as $ref | $refs | index($ref)))))
| .components += $parts
| .dependencies |= map(if .ref == $top["bom-ref"] then .dependsOn += ($parts | map(.["bom-ref"])) else . end)
| .metadata.component.components = [
    {name: "gate", digest: $gate}, {name: "gate-shim", digest: $shim}
    | {type: "file", "bom-ref": "file:\(.name)", name, version: $version,
       hashes: [{alg: "SHA-256", content: .digest}]}
  ]
| .metadata.timestamp = ($epoch | todate)
# A number of its own would make each run another one.
| del(.serialNumber)
# Whoever reads it does not know the folders that it was made in.
| walk(if type == "string" then gsub($source; "file:///gate") else . end)
