using System.Text;
using Delos.Client;
using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>How proposals become entries of the log.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ProposerTests
{
    private const int Overhead = 6;

    private readonly RuntimeCluster _cluster = new();

    [TearDown]
    public async Task StopAsync() => await _cluster.DisposeAsync();

    [Test]
    public async Task What_is_queued_before_a_flush_becomes_one_entry()
    {
        await using var proposer = new Proposer(_cluster.Log, new RuntimeOptions { ReplicaId = 1 });
        for (var i = 0; i < 100; i++) proposer.Enqueue(Command($"{i}"), new Listener());
        Assert.That(await _cluster.Log.CheckTailAsync(), Is.Zero, "nobody has flushed");
        proposer.Flush();
        var batch = (await BatchesAsync(1)).Single();
        Assert.That(batch.Proposals.Select(static p => Encoding.UTF8.GetString(p.Payload.Span)), Is.EqualTo(Enumerable.Range(0, 100).Select(static i => $"{i}")));
    }

    [Test]
    public async Task What_is_queued_while_enough_entries_are_under_way_follows_without_a_flush()
    {
        var options = new RuntimeOptions { ReplicaId = 1, MaxAppends = 2, MaxBatchBytes = 1024 };
        await using var proposer = new Proposer(_cluster.Log, options);
        var half = new string('x', 1024 - ProposalBatch.HeaderSize - Overhead);
        for (var i = 0; i < 50; i++) proposer.Enqueue(Command(half), new Listener());
        proposer.Flush();
        Assert.That((await BatchesAsync(50)).Select(static b => b.Proposals.Count), Is.All.EqualTo(1));
    }

    [Test]
    public async Task However_many_entries_fail_at_once_the_stack_holds_them()
    {
        const int entries = 20_000;
        await using var proposer = new Proposer(_cluster.Log, new RuntimeOptions { ReplicaId = 1, MaxAppends = 1, MaxBatchBytes = 1024 });
        await _cluster.Log.DisposeAsync();
        var large = new string('x', 600);
        var listeners = Enumerable.Range(0, entries).Select(static _ => new Listener()).ToArray();
        foreach (var listener in listeners) proposer.Enqueue(Command(large), listener);
        proposer.Flush();
        foreach (var listener in listeners) Assert.That((await listener.Failed.WaitAsync(TimeSpan.FromSeconds(20))).Code, Is.EqualTo(DelosErrorCode.Closed));
    }

    private static Proposal Command(string text) => new(ProposalKind.Command, 0, 0, 0, Encoding.UTF8.GetBytes(text));

    private async Task<List<ProposalBatch>> BatchesAsync(int count)
    {
        var batches = new List<ProposalBatch>();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (var entry in _cluster.Log.FollowAsync(0, patience.Token))
        {
            batches.Add(ProposalBatch.Decode(entry.Payload));
            if (batches.Count == count) break;
        }

        return batches;
    }

    private sealed class Listener : IProposalListener
    {
        private readonly TaskCompletionSource<DelosException> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<DelosException> Failed => _failed.Task;

        public void OnAnswered(ProposalResult result)
        {
        }

        public void OnFailed(DelosException error) => _failed.TrySetResult(error);
    }
}
