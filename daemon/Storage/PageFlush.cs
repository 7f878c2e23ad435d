using System.Reflection;
using System.Runtime.CompilerServices;
using FASTER.core;

namespace Delos.Daemon.Storage;

/// <summary>
/// Writes what a FasterLog holds, without a commit of its own: FasterLog would queue a task for each, which wakes a thread of the pool to write down, by way of <see cref="NoCommitFiles"/>, nothing at all. Generations have
/// no commit records, and how far they are durable <see cref="LiveGeneration"/> knows. FasterLog lets nobody do that, so its allocator is called past it; the version of the package is pinned.
/// </summary>
internal sealed class PageFlush
{
    private const string Allocator = "allocator";
    private const string ShiftReadOnlyToTail = "ShiftReadOnlyToTail";

    private readonly LightEpoch _epoch;
    private readonly Shift _shift;

    /// <exception cref="MissingMemberException">It is another FasterLog than this was written for.</exception>
    public PageFlush(FasterLog log)
    {
        _epoch = Epoch(log);
        var allocator = typeof(FasterLog).GetField(Allocator, BindingFlags.Instance | BindingFlags.NonPublic)?.GetValue(log) ?? throw new MissingFieldException(nameof(FasterLog), Allocator);
        var shift = allocator.GetType().GetMethod(ShiftReadOnlyToTail) ?? throw new MissingMethodException(allocator.GetType().Name, ShiftReadOnlyToTail);
        _shift = shift.CreateDelegate<Shift>(allocator);
    }

    private delegate bool Shift(out long tail, out SemaphoreSlim done);

    /// <summary>Makes everything appended so far read-only, whose writes the device is given as soon as nobody copies into it any more, mostly at once.</summary>
    public void Begin()
    {
        _epoch.Resume();
        try
        {
            _shift(out _, out _);
        }
        finally
        {
            _epoch.Suspend();
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "epoch")]
    private static extern ref LightEpoch Epoch(FasterLog log);
}
