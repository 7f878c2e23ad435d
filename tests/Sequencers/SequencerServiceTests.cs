using System.Collections.Concurrent;
using System.Net;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Tests.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Sequencers;

/// <summary>The service over real sockets, between a client and three scripted LogServers.</summary>
public class SequencerServiceTests
{
    private const uint SequencerNode = 9;
    private const ulong Incarnation = 1234;
    private const ulong Client = 55;

    private FakeLogServer[] _servers = [];
    private SequencerService _service = null!;
    private PeerPool _pool = null!;
    private Listener _listener = null!;
    private Connection _connection = null!;
    private ClientHandler _client = null!;
    private LogletConfig _config = null!;

    [SetUp]
    public Task Start() => StartAsync(new SequencerOptions { MaxEntryBytes = 10_000, RetainForLost = TimeSpan.FromMinutes(1), ResignAfter = TimeSpan.FromMinutes(1) });

    private async Task StartAsync(SequencerOptions options)
    {
        _servers = [.. Enumerable.Range(1, 3).Select(node => new FakeLogServer((uint)node))];
        var me = new LocalPeer(Loopback.Cluster, SequencerNode, NodeRoles.Sequencer, Incarnation, Guid.NewGuid(), PeerLimits.Default);
        var handler = new ServiceHandler();
        _pool = new PeerPool(me, Loopback.Cluster, handler, ConnectionOptions.Default);
        _service = new SequencerService(
            SequencerNode, Incarnation, (node, ct) => _pool.GetAsync(_servers[node - 1].EndPoint, node, ct),
            null, options, TimeProvider.System, NullLogger.Instance);
        handler.Service = _service;
        _listener = Listener.Start(new IPEndPoint(IPAddress.Loopback, 0), me, _ => handler, ConnectionOptions.Default, 10);
        _client = new ClientHandler();
        _connection = await DialAsync(_client);
        _config = LogletConfig.Native(LogletId.NewRandom(), SequencerNode, Incarnation, [.. _servers.Select(server => new ReplicaId(server.NodeId, server.DiskId))]);
    }

    [TearDown]
    public async Task Stop()
    {
        await _connection.DisposeAsync();
        await _service.DisposeAsync();
        await _listener.DisposeAsync();
        await _pool.DisposeAsync();
        foreach (var server in _servers) await server.DisposeAsync();
    }

    private async Task<Connection> DialAsync(IFrameHandler handler) =>
        await Connector.ConnectAsync(_listener.LocalEndPoint, LocalPeer.Client(), Loopback.Cluster, SequencerNode, handler, ConnectionOptions.Default);

    private async Task<StatusCode> OpenAsync(LogletConfig config)
    {
        using var response = await _connection.RequestAsync(new OpenLoglet(config));
        Assert.That(response.TryRead<OpenLogletReply>(out var reply));
        return reply.Status;
    }

    private async Task<CheckTailReply> CheckTailAsync()
    {
        using var response = await _connection.RequestAsync(new CheckTail(_config.Id, Incarnation));
        Assert.That(response.TryRead<CheckTailReply>(out var reply));
        return reply;
    }

    private void Append(ulong first, int count, ulong floor = 1, Connection? connection = null, ulong incarnation = Incarnation, int size = 100)
    {
        connection ??= _connection;
        var sequences = Enumerable.Range(0, count).Select(i => first + (ulong)i).ToArray();
        connection.Enqueue(new Append(_config.Id, incarnation, Client, floor, (uint)count), Entries.Of(Client, size, sequences));
        connection.Flush();
    }

    private Task UntilAnsweredAsync(ulong sequence, StatusCode status) =>
        Loopback.UntilAsync(() => _client.Answers.TryGetValue(sequence, out var answer) && answer.Status == status, $"append {sequence} answered {status}");

    [Test]
    public async Task Appends_are_stored_on_all_replicas_and_answered_with_their_positions()
    {
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        for (ulong sequence = 1; sequence <= 1000; sequence += 10) Append(sequence, 10);
        await UntilAnsweredAsync(1000, StatusCode.Ok);
        Assert.That(_client.Answers.OrderBy(a => a.Key).Select(a => a.Value.Position), Is.EqualTo(Enumerable.Range(0, 1000)));
        Assert.That(await CheckTailAsync(), Is.EqualTo(new CheckTailReply(StatusCode.Ok, 1000)));
        foreach (var server in _servers)
        {
            await Loopback.UntilAsync(() => server.Of(_config.Id).Durable == 1000, "stored everywhere");
            await Loopback.UntilAsync(() => server.Of(_config.Id).GlobalTail == 1000, "the last tail announced");
        }

        Assert.That(_service.GetStatus().Single().GlobalTail, Is.EqualTo(1000));
    }

    [Test, Category("Trap19")]
    public async Task The_last_tail_is_announced_although_a_LogServer_acknowledges_nothing()
    {
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Append(1, 1);
        await UntilAnsweredAsync(1, StatusCode.Ok);
        foreach (var server in _servers) await Loopback.UntilAsync(() => server.Of(_config.Id).GlobalTail == 1, "announced with the last acknowledgement");
        _servers[2].Acknowledges = false;
        for (ulong sequence = 2; sequence <= 4; sequence++)
        {
            Append(sequence, 1);
            await UntilAnsweredAsync(sequence, StatusCode.Ok);
            foreach (var server in _servers) await Loopback.UntilAsync(() => server.Of(_config.Id).GlobalTail == (long)sequence, "announced without it");
        }
    }

    [Test, Category("Trap19")]
    public async Task The_last_tail_is_announced_without_a_tick()
    {
        await Stop();
        await StartAsync(new SequencerOptions { TickInterval = TimeSpan.FromHours(1) });
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Append(1, 1);
        await UntilAnsweredAsync(1, StatusCode.Ok);
        foreach (var server in _servers) await Loopback.UntilAsync(() => server.Of(_config.Id).GlobalTail == 1, "announced with the last acknowledgement");

        // It is awaited once.
        _servers[2].Acknowledges = false;
        Append(2, 1);
        await UntilAnsweredAsync(2, StatusCode.Ok);
        Append(3, 1);
        await UntilAnsweredAsync(3, StatusCode.Ok);
        foreach (var server in _servers) await Loopback.UntilAsync(() => server.Of(_config.Id).GlobalTail == 3, "announced by a timer");
    }

    [Test, Category("Trap07")]
    public async Task A_Loglet_of_another_incarnation_is_never_sequenced()
    {
        Assert.That(await OpenAsync(_config with { Incarnation = Incarnation + 1 }), Is.EqualTo(StatusCode.WrongIncarnation));
        Assert.That(await OpenAsync(_config with { SequencerNode = 8 }), Is.EqualTo(StatusCode.WrongIncarnation));
        Append(1, 1, incarnation: Incarnation + 1);
        await UntilAnsweredAsync(1, StatusCode.WrongIncarnation);
        Assert.That(_service.Count, Is.EqualTo(0));
        Assert.That(_servers.Sum(server => server.Stores), Is.EqualTo(0));
    }

    [Test]
    public async Task An_append_to_a_Loglet_that_was_not_opened_is_answered_NotFound()
    {
        Append(1, 3);
        await UntilAnsweredAsync(3, StatusCode.NotFound);
        Assert.That(await CheckTailAsync(), Is.EqualTo(new CheckTailReply(StatusCode.NotFound, 0)));
    }

    [Test]
    public async Task Opening_twice_is_fine_and_with_another_config_is_not()
    {
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Assert.That(await OpenAsync(_config with { Replicas = [.. _config.Replicas.Take(1)] }), Is.EqualTo(StatusCode.WrongIncarnation));
        Assert.That(_service.Count, Is.EqualTo(1));
    }

    [Test]
    public async Task One_dead_replica_of_three_hinders_nothing()
    {
        await _servers[1].StopAsync();
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Append(1, 5);
        await UntilAnsweredAsync(5, StatusCode.Ok);
        _servers[1].Start();
        await Loopback.UntilAsync(() => _servers[1].Of(_config.Id).Durable == 5, "the window fills the replica that comes back");
    }

    [Test]
    public async Task Without_a_majority_appends_wait_and_complete_when_it_is_back()
    {
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        await _servers[0].StopAsync();
        await _servers[1].StopAsync();
        Append(1, 5);
        Assert.That((await CheckTailAsync()).Status, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(_client.Answers, Is.Empty);
        _servers[0].Start();
        await UntilAnsweredAsync(5, StatusCode.Ok);
    }

    [Test, Category("Trap17")]
    public async Task A_resend_over_a_new_connection_is_answered_there_and_appended_once()
    {
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        foreach (var server in _servers) server.Acknowledges = false;
        Append(1, 3);
        await Loopback.UntilAsync(() => _servers.All(server => server.EntryBytes > 0), "stored");
        await _connection.DisposeAsync();
        var handler = new ClientHandler();
        await using var again = await DialAsync(handler);
        foreach (var server in _servers) server.Acknowledges = true;
        Append(1, 4, connection: again);
        await Loopback.UntilAsync(() => handler.Answers.Count == 4, "answered on the new connection");
        Assert.That(handler.Answers.OrderBy(a => a.Key).Select(a => a.Value), Is.EqualTo(Enumerable.Range(0, 4).Select(i => (StatusCode.Ok, (long)i))));
        Assert.That(_service.GetStatus().Single().NextPosition, Is.EqualTo(4));
    }

    [Test, Category("Trap12")]
    public async Task A_half_seal_is_finished_and_the_Loglet_is_never_sequenced_again()
    {
        var ended = new TaskCompletionSource<LogletId>(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.LogletEnded += (id, _) => ended.TrySetResult(id);
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Append(1, 2);
        await UntilAnsweredAsync(2, StatusCode.Ok);
        await _servers[2].StopAsync();
        _servers[0].Of(_config.Id).Seal();
        Append(3, 1);
        await UntilAnsweredAsync(3, StatusCode.Sealed);
        Assert.That(_client.Answers[3].Position, Is.EqualTo(2), "the position that it had been assigned");
        Assert.That(_servers[1].Of(_config.Id).IsSealed);
        Assert.That(await ended.Task.WaitAsync(Loopback.Patience), Is.EqualTo(_config.Id));
        Append(4, 1);
        await UntilAnsweredAsync(4, StatusCode.Sealed);
        Assert.That(_client.Answers[4].Position, Is.EqualTo(-1));
        Assert.That((await CheckTailAsync()).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Sealed));
        Assert.That(_service.Count, Is.EqualTo(0));
    }

    [Test, Category("Trap12")]
    public async Task A_sequencer_cut_off_from_its_LogServers_says_so_and_seals_when_it_reaches_them_again()
    {
        await Stop();
        await StartAsync(new SequencerOptions { ResignAfter = TimeSpan.FromMilliseconds(500) });
        var ending = new TaskCompletionSource<EndReason>(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource<EndReason>(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.LogletEnding += (_, reason) => ending.TrySetResult(reason);
        _service.LogletEnded += (_, reason) => ended.TrySetResult(reason);
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Append(1, 1);
        await UntilAnsweredAsync(1, StatusCode.Ok);
        await _servers[1].StopAsync();
        await _servers[2].StopAsync();
        Append(2, 1);
        await UntilAnsweredAsync(2, StatusCode.Unavailable);
        Assert.That(_client.Answers[2].Position, Is.EqualTo(1), "the position that it has been assigned");
        Assert.That(await ending.Task.WaitAsync(Loopback.Patience), Is.EqualTo(EndReason.MajorityLost));
        Append(3, 1);
        await UntilAnsweredAsync(3, StatusCode.Sealed);
        Assert.That(ended.Task.IsCompleted, Is.False);
        _servers[1].Start();
        Assert.That(await ended.Task.WaitAsync(Loopback.Patience), Is.EqualTo(EndReason.MajorityLost));
        Assert.That(_servers.Count(server => server.Of(_config.Id).IsSealed), Is.GreaterThanOrEqualTo(2));
    }

    [Test]
    public void A_wait_for_the_majority_that_ordinary_reconnecting_exceeds_is_no_option()
    {
        var options = new SequencerOptions { ResignAfter = TimeSpan.FromMilliseconds(100) };
        Assert.That(options.Validate, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains(nameof(SequencerOptions.ResignAfter)));
    }

    [Test, Category("Trap08")]
    public async Task A_replica_on_another_disk_is_not_used()
    {
        var replicas = _config.Replicas.ToArray();
        replicas[0] = replicas[0] with { DiskId = Guid.NewGuid() };
        _config = _config with { Replicas = replicas };
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Append(1, 1);
        await UntilAnsweredAsync(1, StatusCode.Ok);
        Assert.That(_servers[0].Stores, Is.EqualTo(0));
    }

    [Test]
    public async Task An_entry_over_the_limit_is_refused_and_not_assigned()
    {
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Append(1, 2, size: 10_001);
        await UntilAnsweredAsync(2, StatusCode.LimitExceeded);
        Assert.That(_service.GetStatus().Single().NextPosition, Is.EqualTo(0));
        Append(1, 2, size: 10_000);
        await UntilAnsweredAsync(2, StatusCode.Ok);
    }

    [Test, Category("Trap17")]
    public async Task An_entry_over_the_limit_does_not_refuse_its_neighbours_which_may_be_in_the_log()
    {
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        Append(1, 1);
        await UntilAnsweredAsync(1, StatusCode.Ok);
        _client.Answers.Clear();
        _connection.Enqueue(new Append(_config.Id, Incarnation, Client, 1, 3), (byte[])[.. Entries.Of(Client, 100, 1), .. Entries.Of(Client, 10_001, 2), .. Entries.Of(Client, 100, 3)]);
        _connection.Flush();
        await UntilAnsweredAsync(2, StatusCode.LimitExceeded);
        await UntilAnsweredAsync(3, StatusCode.Ok);
        Assert.That(_client.Answers[1], Is.EqualTo((StatusCode.Ok, 0L)));
        Assert.That(_client.Answers[3].Position, Is.EqualTo(1));
    }

    [Test]
    public async Task Entries_that_make_no_sense_close_the_connection_with_an_error()
    {
        Assert.That(await OpenAsync(_config), Is.EqualTo(StatusCode.Ok));
        _connection.Enqueue(new Append(_config.Id, Incarnation, Client, 1, 2), Entries.Of(Client, 10, 1));
        _connection.Flush();
        var reason = await _client.Closed.Task.WaitAsync(Loopback.Patience);
        Assert.That(reason, Is.InstanceOf<DelosProtocolException>().With.Property(nameof(DelosProtocolException.Code)).EqualTo(StatusCode.Malformed));
    }

    /// <summary>What a node's router does for this role.</summary>
    private sealed class ServiceHandler : IFrameHandler
    {
        public SequencerService? Service { get; set; }

        public void OnFrame(Connection connection, in Frame frame) => Service?.OnFrame(connection, frame);

        public void OnBatchEnd(Connection connection) => Service?.OnBatchEnd(connection);

        public void OnClosed(Connection connection, Exception? reason) => Service?.OnClosed(connection, reason);
    }

    private sealed class ClientHandler : IFrameHandler
    {
        public ConcurrentDictionary<ulong, (StatusCode Status, long Position)> Answers { get; } = new();

        public TaskCompletionSource<Exception?> Closed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void OnFrame(Connection connection, in Frame frame)
        {
            if (!frame.TryRead<AppendReply>(out var reply)) return;
            for (var i = 0u; i < reply.Count; i++) Answers[reply.FirstSequence + i] = (reply.Status, reply.FirstPosition < 0 ? -1 : reply.FirstPosition + i);
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason) => Closed.TrySetResult(reason);
    }
}
