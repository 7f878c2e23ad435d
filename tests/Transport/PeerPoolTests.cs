using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Tests.Transport;

[TestFixture(TransportKind.Socket)]
[TestFixture(TransportKind.InProcess)]
public sealed class PeerPoolTests(TransportKind transport)
{
    [Test]
    public async Task Concurrent_callers_share_one_dial_and_one_connection()
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        await using var pool = new PeerPool(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), loopback.Way(ConnectionOptions.Default));
        Assert.That(pool.TryGet(loopback.Listener.LocalEndPoint), Is.Null);
        var connections = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => pool.GetAsync(loopback.Listener.LocalEndPoint, 1).AsTask()));
        Assert.That(connections.Distinct().Count(), Is.EqualTo(1));
        Assert.That(loopback.Listener.ConnectionCount, Is.EqualTo(1));
        Assert.That(pool.TryGet(loopback.Listener.LocalEndPoint), Is.SameAs(connections[0]));
    }

    [Test]
    public async Task A_lost_connection_is_dialled_anew()
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        await using var pool = new PeerPool(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), loopback.Way(ConnectionOptions.Default));
        var first = await pool.GetAsync(loopback.Listener.LocalEndPoint, 1);
        (await loopback.Accepted).Close();
        await first.Completion.WaitAsync(Loopback.Patience);
        Assert.That(pool.IsLost(loopback.Listener.LocalEndPoint), Is.True);
        var second = await pool.GetAsync(loopback.Listener.LocalEndPoint, 1);
        Assert.That(second, Is.Not.SameAs(first));
        Assert.That(second.IsClosed, Is.False);
        Assert.That(pool.IsLost(loopback.Listener.LocalEndPoint), Is.False);
    }

    [Test]
    public async Task A_peer_counts_as_lost_for_a_moment_only_since_it_may_be_back()
    {
        var time = new ShiftedClock();
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        await using var pool = new PeerPool(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), loopback.Way(ConnectionOptions.Default with { TimeProvider = time }));
        var connection = await pool.GetAsync(loopback.Listener.LocalEndPoint, 1);
        connection.Close();
        await connection.Completion.WaitAsync(Loopback.Patience);
        Assert.That(pool.IsLost(loopback.Listener.LocalEndPoint), Is.True);
        time.Shift = TimeSpan.FromSeconds(0.5);
        Assert.That(pool.IsLost(loopback.Listener.LocalEndPoint), Is.True);
        time.Shift = TimeSpan.FromSeconds(1);
        Assert.That(pool.IsLost(loopback.Listener.LocalEndPoint), Is.False);
    }

    [Test]
    public async Task A_failed_dial_fails_all_waiters_and_is_tried_again_soon()
    {
        var gone = new Loopback(new RecordingHandler(), transport: transport);
        var endPoint = gone.Listener.LocalEndPoint;
        await gone.DisposeAsync();
        await using var pool = new PeerPool(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), gone.Way(ConnectionOptions.Default));
        Assert.That(pool.IsLost(endPoint), Is.False, "Nobody has tried yet.");
        var waiters = Enumerable.Range(0, 10).Select(_ => pool.GetAsync(endPoint, 1).AsTask()).ToArray();
        foreach (var waiter in waiters) await Assert.ThrowsAsync<ConnectionLostException>(() => waiter);
        Assert.That(pool.IsLost(endPoint), Is.True);

        // A listener of the own process does not come back.
        if (transport == TransportKind.InProcess) return;
        await using var back = Listener.Start(endPoint, Loopback.Node(1), _ => new RecordingHandler(), ConnectionOptions.Default, 10);
        Connection? connection = null;
        for (var i = 0; i < 1000 && connection is null; i++)
        {
            try
            {
                connection = await pool.GetAsync(endPoint, 1);
            }
            catch (ConnectionLostException)
            {
                await Task.Delay(5);
            }
        }

        Assert.That(connection?.IsClosed, Is.False);
    }

    [Test]
    public async Task Another_node_at_the_address_is_noticed()
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        await using var pool = new PeerPool(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), loopback.Way(ConnectionOptions.Default));
        Assert.That(async () => await pool.GetAsync(loopback.Listener.LocalEndPoint, 2), Throws.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.WrongNode));
    }

    [Test]
    public async Task A_cancelled_waiter_does_not_cancel_the_dial_of_the_others()
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        await using var pool = new PeerPool(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), loopback.Way(ConnectionOptions.Default));
        using var cancellation = new CancellationTokenSource();
        var first = pool.GetAsync(loopback.Listener.LocalEndPoint, 1, cancellation.Token).AsTask();
        var other = pool.GetAsync(loopback.Listener.LocalEndPoint, 1);
        await cancellation.CancelAsync();
        Assert.That((await other).IsClosed, Is.False);

        // The dial may have been faster than the cancellation.
        await first.ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.That(first.IsCanceled || first.Result == await other);
    }

    [Test]
    public async Task A_disposed_pool_has_closed_its_connections_and_dials_no_more()
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        var pool = new PeerPool(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), loopback.Way(ConnectionOptions.Default));
        var connection = await pool.GetAsync(loopback.Listener.LocalEndPoint, 1);
        await pool.DisposeAsync();
        Assert.That(connection.IsClosed);
        Assert.That(async () => await pool.GetAsync(loopback.Listener.LocalEndPoint, 1), Throws.TypeOf<ObjectDisposedException>());
    }
}
