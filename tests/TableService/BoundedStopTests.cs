using System.Diagnostics;
using Delos.Daemon.Tables;

namespace Delos.Tests.TableService;

/// <summary>The role table stops in time, whatever hangs in it.</summary>
public sealed class BoundedStopTests
{
    private static readonly TimeSpan s_atMost = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Test]
    public async Task A_stop_that_never_ends_is_left()
    {
        var never = new TaskCompletionSource();
        Assert.That(await OutcomeAsync(() => never.Task, s_atMost), Is.EqualTo("timed out"));
        never.SetException(new IOException("nobody hears of it"));
    }

    [Test]
    public async Task So_is_one_that_blocks_its_thread()
    {
        using var gate = new ManualResetEventSlim();
        var outcome = OutcomeAsync(
            () =>
            {
                gate.Wait();
                return Task.CompletedTask;
            },
            s_atMost);
        Assert.That(await outcome.WaitAsync(s_patience), Is.EqualTo("timed out"));
        gate.Set();
    }

    [Test]
    public async Task One_that_ends_in_time_is_waited_for()
    {
        var isDone = false;
        Assert.That(await OutcomeAsync(StopAsync, s_patience), Is.EqualTo("stopped"));
        Assert.That(isDone, Is.True);

        async Task StopAsync()
        {
            await Task.Yield();
            isDone = true;
        }
    }

    [TestCase(typeof(IOException))]
    [TestCase(typeof(TimeoutException))]
    public async Task One_that_fails_is_no_failure_of_the_node(Type type) =>
        Assert.That(await OutcomeAsync(() => Task.FromException((Exception)Activator.CreateInstance(type, "it broke")!), s_patience), Is.EqualTo("it broke"));

    private static async Task<string> OutcomeAsync(Func<Task> stop, TimeSpan atMost)
    {
        var outcome = "stopped";
        var begun = Stopwatch.GetTimestamp();
        await BoundedStop.RunAsync(stop, atMost, () => outcome = "timed out", e => outcome = e.Message);
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(s_patience));
        return outcome;
    }
}
