using Delos.Daemon.Monitoring;

namespace Delos.Tests.Monitoring;

/// <summary>Few at a time, and none that hangs in the way of the others.</summary>
public sealed class ReconfigurationQueueTests
{
    [Test]
    public async Task No_more_than_allowed_run_at_a_time()
    {
        using var queue = new ReconfigurationQueue(2, TimeSpan.FromHours(1), TimeProvider.System);
        var gates = Enumerable.Range(0, 5).Select(_ => new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        var begun = 0;
        var runs = gates.Select(g => queue.RunAsync(() => Begin(g), default).AsTask()).ToArray();
        Assert.That(Volatile.Read(ref begun), Is.EqualTo(2));
        for (var i = 0; i < gates.Length; i++)
        {
            gates[i].SetResult(i);
            Assert.That(await runs[i].WaitAsync(TimeSpan.FromSeconds(30)), Is.EqualTo(i));
        }

        Assert.That(begun, Is.EqualTo(5));

        ValueTask<int> Begin(TaskCompletionSource<int> gate)
        {
            Interlocked.Increment(ref begun);
            return new ValueTask<int>(gate.Task);
        }
    }

    [Test]
    public async Task One_that_hangs_holds_up_no_others_for_long()
    {
        using var queue = new ReconfigurationQueue(1, TimeSpan.FromMilliseconds(20), TimeProvider.System);
        var hanging = new TaskCompletionSource<int>();
        var first = queue.RunAsync(() => new ValueTask<int>(hanging.Task), default).AsTask();
        Assert.That(await queue.RunAsync(() => ValueTask.FromResult(2), default).AsTask().WaitAsync(TimeSpan.FromSeconds(30)), Is.EqualTo(2));
        Assert.That(first.IsCompleted, Is.False);
        hanging.SetResult(1);
        Assert.That(await first, Is.EqualTo(1));
    }

    [Test]
    public void A_failed_reconfiguration_gives_its_place_free()
    {
        using var queue = new ReconfigurationQueue(1, TimeSpan.FromHours(1), TimeProvider.System);
        for (var i = 0; i < 3; i++)
            Assert.That(async () => await queue.RunAsync<int>(() => throw new InvalidOperationException("no"), default), Throws.InvalidOperationException);
    }
}
