using Delos.Daemon.Snapshots;
using Delos.LocalStorage.Peers;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Runtime;
using Delos.Tests.Runtime;
using Delos.Tests.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Snapshots;

/// <summary>Snapshots that somebody asks a node for, over real sockets.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class SnapshotWriterTests
{
    private readonly RuntimeCluster _cluster = new();
    private SnapshotWriter? _writer;
    private SnapshotNode? _node;

    [TearDown]
    public async Task EndAsync()
    {
        if (_node is not null) await _node.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task A_snapshot_is_written_if_those_that_there_are_lack_what_is_asked_for()
    {
        var replica = await StartAsync();
        for (var i = 0; i < 10; i++) await replica.ProposeAsync("add n 1");
        var tail = await _cluster.Log.CheckTailAsync();
        var first = await WriteAsync(tail);
        Assert.That((first.Cursor, first.Replica), Is.EqualTo((tail, 1UL)));
        Assert.That(await _cluster.Snapshots.ListAsync(default), Is.EqualTo(new[] { first }));

        // It has that already, and less.
        Assert.That(await WriteAsync(tail), Is.EqualTo(first));
        Assert.That(await WriteAsync(0), Is.EqualTo(first));
        Assert.That(await _cluster.Snapshots.ListAsync(default), Is.EqualTo(new[] { first }));

        await replica.ProposeAsync("add n 1");
        var later = await _cluster.Log.CheckTailAsync();
        Assert.That((await WriteAsync(later)).Cursor, Is.EqualTo(later));
    }

    [Test]
    public async Task What_cannot_be_written_is_refused_with_the_reason_and_the_next_one_is_served()
    {
        var replica = await StartAsync(o => o with { ReadTimeout = TimeSpan.FromMilliseconds(50) });
        await replica.ProposeAsync("add n 1");
        Assert.That(await RefusalAsync(1_000_000), Is.EqualTo(StatusCode.Unavailable), "the log is not so long");
        replica.Faults.Checkpoint = static () => throw new IOException("no room");
        Assert.That(await RefusalAsync(1), Is.EqualTo(StatusCode.IoError));
        replica.Faults.Checkpoint = null;
        Assert.That(await RefusalAsync(1, "other"), Is.EqualTo(StatusCode.NotFound));
        Assert.That((await WriteAsync(1)).Cursor, Is.GreaterThanOrEqualTo(1));
    }

    [Test]
    public async Task Without_a_replica_it_is_refused()
    {
        await StartAsync(isAttached: false);
        Assert.That(await RefusalAsync(0), Is.EqualTo(StatusCode.Unavailable));
        await using var none = new SnapshotNode(2, Path.GetTempPath());
        await using var connection = await ConnectAsync(none);
        Assert.That(async () => await new SnapshotPeer(connection, SnapshotNode.Log, new PeerSnapshotsOptions()).WriteAsync(0, Loopback.Patience, default), Throws.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.NotServed));
    }

    private async Task<RuntimeCluster.Replica> StartAsync(Func<RuntimeOptions, RuntimeOptions>? configure = null, bool isAttached = true)
    {
        var replica = _cluster.Start(1, configure);
        await replica.UntilAsync(RuntimeState.Applying);
        _writer = new SnapshotWriter(SnapshotNode.Log, _cluster.Snapshots, NullLogger.Instance);
        _node = new SnapshotNode(1, _cluster.Snapshots.Root, writer: _writer);
        if (isAttached) _writer.Attach(replica.Runtime);
        return replica;
    }

    private async Task<SnapshotInfo> WriteAsync(long atLeast, string log = SnapshotNode.Log)
    {
        await using var connection = await ConnectAsync(_node ?? throw new InvalidOperationException("no node"));
        return await new SnapshotPeer(connection, log, new PeerSnapshotsOptions()).WriteAsync(atLeast, Loopback.Patience, default);
    }

    private async Task<StatusCode> RefusalAsync(long atLeast, string log = SnapshotNode.Log)
    {
        try
        {
            await WriteAsync(atLeast, log);
            return StatusCode.Ok;
        }
        catch (DelosProtocolException e)
        {
            return e.Code;
        }
    }

    private static ValueTask<Connection> ConnectAsync(SnapshotNode node) => Connector.ConnectAsync(node.EndPoint, LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), ConnectionOptions.Default);
}
