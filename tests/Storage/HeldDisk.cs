using Delos.Daemon.Storage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Tests.Storage;

/// <summary>Holds the I/O thread in its next write.</summary>
internal sealed class HeldDisk : DiskOperations
{
    private readonly ManualResetEventSlim _open = new(true);

    /// <summary>The I/O thread stands in a write.</summary>
    public volatile bool IsHolding;

    public void Hold() => _open.Reset();

    public void Release() => _open.Set();

    /// <summary>With a bound, so that a test that failed meanwhile can end.</summary>
    private void Wait()
    {
        if (_open.IsSet) return;
        IsHolding = true;
        _open.Wait(TimeSpan.FromSeconds(10));
        IsHolding = false;
    }

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> source, long offset, string path)
    {
        Wait();
        base.Write(file, source, offset, path);
    }

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, long offset, string path)
    {
        Wait();
        base.Write(file, first, second, offset, path);
    }
}
