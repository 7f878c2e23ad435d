using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Delos.Client;
using Delos.Daemon.Configuration;
using Delos.Daemon.Node;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Tests.Fuzzing;

/// <summary>A whole node with every role, over real sockets: hostile connections, one after the other, while a well-behaved client appends and reads.</summary>
public sealed class WireFuzzTests
{
    private const int Rounds = 1000;

    /// <summary>Blocks that the node's parts may keep for themselves, connection or no connection.</summary>
    private const int Slack = 16;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Test]
    public async Task A_node_survives_hostile_connections_and_serves_the_others()
    {
        var directory = DiskImage.NewDirectory();
        var identity = new NodeIdentity(Guid.NewGuid(), 1, Guid.NewGuid());
        IdentityFile.Create(directory, identity, isReplacement: false);
        var port = FreePort();
        var options = new NodeOptions
        {
            NodeId = 1,
            Listen = new HostPort("127.0.0.1", port),
            DataDirectory = directory,
            MetaStore = [new HostPort("127.0.0.1", port)],
            FileBytes = 2 << 20,
            SpareFiles = 0,
            Rehearse = false,
        };
        using var stop = new CancellationTokenSource();
        using var log = new FailureLog();
        var ready = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (var host = new NodeHost(options, log) { OnReady = ready.SetResult })
        {
            var running = host.RunAsync(stop.Token);
            if (await Task.WhenAny(ready.Task, running).WaitAsync(s_patience) == running) await running;
            await FuzzAsync(identity, port, running, log);
            await stop.CancelAsync();
            Assert.That(await running.WaitAsync(s_patience), Is.True, "a clean stop");
        }

        Directory.Delete(directory, recursive: true);
    }

    [Test]
    public async Task A_handler_that_throws_over_a_frame_is_caught()
    {
        using var log = new FailureLog();
        await using var listener = Listen(new Faulty(connection => throw new InvalidOperationException("an unforeseen frame")), log, new BlockPool());
        var conversation = new WireConversation(new NodeIdentity(Guid.NewGuid(), 1, Guid.NewGuid()), 5);
        Fuzz.MustFail(200, "an unforeseen frame", round => Round(listener.LocalEndPoint.Port, conversation, round, log));
    }

    [Test]
    public async Task A_handler_that_keeps_a_payload_is_caught()
    {
        using var log = new FailureLog();
        var pool = new BlockPool();
        await using (var listener = Listen(new Faulty(static _ => { }), log, pool))
        {
            var conversation = new WireConversation(new NodeIdentity(Guid.NewGuid(), 1, Guid.NewGuid()), 5);
            for (var seed = 1; seed <= 100; seed++) Round(listener.LocalEndPoint.Port, conversation, new FuzzRound { Seed = seed }, log);
        }

        Assert.That(pool.LiveBlocks, Is.GreaterThan(Slack));
    }

    private static Listener Listen(IFrameHandler handler, ILogger log, BlockPool pool) =>
        Listener.Start(new IPEndPoint(IPAddress.Loopback, 0), new LocalPeer(Guid.NewGuid(), 1, NodeRoles.LogServer, 5, Guid.Empty, PeerLimits.Default), _ => handler, new ConnectionOptions { Logger = log, Pool = pool }, 1000);

    private static void Round(int port, WireConversation conversation, FuzzRound round, FailureLog failures)
    {
        var bytes = conversation.Make(round.Random);
        try
        {
            Talk(port, round.Random, bytes);
        }
        catch (Exception e) when (e is not FuzzFailure)
        {
            throw new FuzzFailure($"{e.GetType().Name}: {e.Message}", bytes.Span);
        }

        if (failures.First is { } failure) throw new FuzzFailure(failure, bytes.Span);
    }

    private static async Task FuzzAsync(NodeIdentity identity, int port, Task running, FailureLog failures)
    {
        await using var client = DelosClient.Connect($"delos://127.0.0.1:{port}");
        await CreateAsync();
        var log = client.Log("good");
        var expected = new List<byte[]>();
        await AppendAsync(0);
        ulong incarnation;
        await using (var connection = await Connector.ConnectAsync("127.0.0.1", port, LocalPeer.Client(), Guid.Empty, 1, new Ignoring(), ConnectionOptions.Default)) incarnation = connection.Peer.Incarnation;
        var conversation = new WireConversation(identity, incarnation);
        var blocks = BlockPool.Shared.LiveBlocks;
        Fuzz.Run("hostile connections", Rounds, round =>
        {
            Round(port, conversation, round, failures);
            if (running.IsCompleted) throw new FuzzFailure("the node ended", "");
            if (round.Seed % 10 == 0) AppendAsync(round.Seed).AsTask().WaitAsync(s_patience).GetAwaiter().GetResult();
        });
        var read = new List<byte[]>();
        await foreach (var entry in log.ReadAsync(0, await log.CheckTailAsync())) read.Add(entry.Payload.ToArray());
        Assert.That(read, Is.EqualTo(expected));
        for (var waited = 0; BlockPool.Shared.LiveBlocks > blocks + Slack && waited < 200; waited++) await Task.Delay(50);
        Assert.That(BlockPool.Shared.LiveBlocks, Is.LessThanOrEqualTo(blocks + Slack), "blocks of the closed connections are held");
        Assert.That(failures.First, Is.Null);

        async Task CreateAsync()
        {
            for (var patience = 50; ; patience--)
            {
                try
                {
                    await client.Admin.CreateLogAsync("good", new LogPolicy(1, LogletKind.Native, 1));
                    return;
                }
                catch (DelosException e) when (e.IsTransient && patience > 0)
                {
                    // The node has only just said that it is ready.
                    await Task.Delay(100);
                }
            }
        }

        async ValueTask AppendAsync(long number)
        {
            expected.Add(BitConverter.GetBytes(number));
            await log.AppendAsync(expected[^1]);
        }
    }

    /// <summary>Sends in pieces, and reads until the node closes.</summary>
    private static void Talk(int port, FuzzRandom random, ReadOnlyMemory<byte> bytes)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = (int)s_patience.TotalMilliseconds, SendTimeout = (int)s_patience.TotalMilliseconds };
        socket.Connect(IPAddress.Loopback, port);
        try
        {
            for (var rest = bytes.Span; !rest.IsEmpty;)
            {
                var piece = random.OneIn(2) ? rest.Length : random.Between(1, rest.Length);
                rest = rest[socket.Send(rest[..piece])..];
            }

            if (random.OneIn(4)) return;
            socket.Shutdown(SocketShutdown.Send);
            var buffer = new byte[64 << 10];
            while (socket.Receive(buffer) > 0)
            {
                // Answers and refusals alike.
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted)
        {
            // It closed the connection first, which is its right.
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>A node with a fault: what it does at each frame, and that it never gives up what it retains.</summary>
    private sealed class Faulty(Action<Connection> onFrame) : IFrameHandler
    {
        public void OnFrame(Connection connection, in Protocol.Framing.Frame frame)
        {
            frame.RetainPayload();
            onFrame(connection);
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }

    private sealed class Ignoring : IFrameHandler
    {
        public void OnFrame(Connection connection, in Protocol.Framing.Frame frame)
        {
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }

    /// <summary>Remembers the exceptions that a node logs as errors: a hostile peer must cause none. (Errors without one are about the peers, an implausible acknowledgement for instance.)</summary>
    private sealed class FailureLog : ILoggerFactory, ILogger
    {
        private readonly ConcurrentQueue<string> _failures = new();

        public string? First => _failures.TryPeek(out var failure) ? failure : null;

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Error && exception is not null) _failures.Enqueue($"{formatter(state, exception)} {exception}");
        }

        public void Dispose()
        {
        }
    }
}
