<#
.SYNOPSIS
  Starts a VM or a scale set from a published image with Az PowerShell: no VM extension, no public address.
.DESCRIPTION
  Deploys vm.json or vmss.json, which are in the same directory, and prints how to read the verdict of ib-firstboot.
.EXAMPLE
  ./deploy.ps1 -Kind vm -ResourceGroupName hpc -Name node0 -ImageId $version -SubnetId $subnet -SshPublicKey (Get-Content key.pub)
.EXAMPLE
  ./deploy.ps1 -Kind vmss -ResourceGroupName hpc -Name nodes -InstanceCount 4 -ImageId $version -SubnetId $subnet -SshPublicKey (Get-Content key.pub)
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)][ValidateSet('vm', 'vmss')][string]$Kind,
    [Parameter(Mandatory)][string]$ResourceGroupName,
    [Parameter(Mandatory)][string]$Name,
    [Parameter(Mandatory)][string]$ImageId,
    [Parameter(Mandatory)][string]$SubnetId,
    [string]$VmSize = 'Standard_HB120rs_v2',
    [string]$SshPublicKey = '',
    [ValidateRange(0, 100)][int]$InstanceCount = 2,
    [ValidateSet('Generalized', 'Specialized')][string]$OsState = 'Generalized',
    [string]$AvailabilitySetName = 'ib-set' # VMs in one set reach each other by InfiniBand
)
$ErrorActionPreference = 'Stop'

$values = @{
    imageId      = $ImageId
    vmSize       = $VmSize
    subnetId     = $SubnetId
    osState      = $OsState
    sshPublicKey = $SshPublicKey
}
if ($Kind -eq 'vm') { $values.vmName = $Name } else { $values.vmssName = $Name; $values.instanceCount = $InstanceCount }

if ($PSCmdlet.ShouldProcess("$ResourceGroupName/$Name", "deploy $Kind.json")) {
    if ($Kind -eq 'vm') {
        $values.availabilitySetName = $AvailabilitySetName
        $values.makeAvailabilitySet = -not (Get-AzAvailabilitySet -ResourceGroupName $ResourceGroupName `
            -Name $AvailabilitySetName -ErrorAction SilentlyContinue)
    }
    New-AzResourceGroupDeployment -ResourceGroupName $ResourceGroupName -TemplateParameterObject $values `
        -TemplateFile (Join-Path $PSScriptRoot "$Kind.json") | Out-Null
}

Write-Output 'After the boot, read the verdict of ib-firstboot:'
if ($Kind -eq 'vm') {
    Write-Output "Invoke-AzVMRunCommand -ResourceGroupName $ResourceGroupName -VMName $Name -CommandId RunShellScript -ScriptString 'cat /var/log/azure/ib-vmext-status'"
    Write-Output "Get-AzVMBootDiagnosticsData -ResourceGroupName $ResourceGroupName -Name $Name -Linux -LocalPath . # the serial line"
} else {
    Write-Output "Invoke-AzVmssVMRunCommand -ResourceGroupName $ResourceGroupName -VMScaleSetName $Name -InstanceId 0 -CommandId RunShellScript -ScriptString 'cat /var/log/azure/ib-vmext-status'"
}
