# Detection script of an Intune remediation: are listed apps in this export of the device management?
#
# Intune takes exit code 1 for "issue detected", every other one for "no issue", and shows at most 2,048 characters:
# https://learn.microsoft.com/en-us/mem/intune/fundamentals/remediations#script-requirements
# So whatever is not a complete and clean scan must end in 1, what this script itself does wrong included.
# The same page forbids personal data in what a script collects: the line has counts; who has what stays in Report.

$AppScanner = if ($env:APP_SCANNER) { $env:APP_SCANNER } else { 'app-scanner' }
$Export = if ($env:APP_SCANNER_EXPORT) { $env:APP_SCANNER_EXPORT } else { 'C:\ProgramData\app-scanner\devices.json' }
$Report = if ($env:APP_SCANNER_REPORT) { $env:APP_SCANNER_REPORT } else { 'C:\ProgramData\app-scanner\findings.jsonl' }
$Limit = 2048

# One line, in characters that survive every code page, and the exit code.
function Complete-Detection([int] $Code, [string] $Text) {
    $line = $Text -replace '[^\x20-\x7e]+', ' '
    if ($line.Length -gt $Limit) { $line = $line.Substring(0, $Limit - 3) + '...' }
    Write-Output $line
    exit $Code
}

try {
    # What the program writes is UTF-8. Without a console, as in a service, there is no encoding to set.
    try { [Console]::OutputEncoding = [System.Text.UTF8Encoding]::new($false) } catch { $null = $_ }

    $global:LASTEXITCODE = $null
    $lines = @(& $AppScanner scan -q --only-findings -o jsonl $Export 2>$null)
    $code = $LASTEXITCODE
    $rows = @($lines | ForEach-Object { $_ | ConvertFrom-Json })
    $found = @($rows | Where-Object { $_.type -eq 'app' })
    $unread = @($rows | Where-Object { $_.type -eq 'unread' })
    $summary = $rows | Where-Object { $_.type -eq 'summary' } | Select-Object -Last 1

    $counts = @($found | ForEach-Object { $_.findings } |
            ForEach-Object { "$($_.verdict) $($_.app)" } |
            Group-Object | Sort-Object Name | ForEach-Object { "$($_.Name): $($_.Count)" }) -join ', '
    $why = @($unread | Select-Object -First 3 | ForEach-Object { $_.reason }) -join '; '

    [System.IO.File]::WriteAllLines($Report, [string[]] $lines)

    if ($null -eq $summary) { Complete-Detection 1 "FAILED (exit code $code): there is no whole report." }
    $read = "$($summary.counts.apps) apps read"
    switch ($code) {
        0 { Complete-Detection 0 "CLEAR: $read. $counts" }
        1 { Complete-Detection 1 "FOUND: $counts. $read, $($unread.Count) not." }
        3 { Complete-Detection 1 "NOT COMPLETE: $read, $($unread.Count) not. $counts" }
        4 { Complete-Detection 1 "NOTHING TO SCAN: the export names no app." }
        5 { Complete-Detection 1 "FAILED: $why" }
        default { Complete-Detection 1 "FAILED (exit code $code): $why" }
    }
}
catch {
    Complete-Detection 1 "FAILED: $($_.Exception.Message)"
}
