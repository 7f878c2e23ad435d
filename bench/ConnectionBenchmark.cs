using System.Net;
using BenchmarkDotNet.Attributes;
using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Bench;

/// <summary>Frames over a loopback connection, from the queue to the other end's handler.</summary>
[MemoryDiagnoser]
[Config(typeof(InProcess))]
public class ConnectionBenchmark : IFrameHandler
{
    private const int Frames = 1024;
    private readonly Append _message = new(new LogletId(1, 2), 3, 4, 1, 16);
    private readonly ManualResetEventSlim _all = new();
    private RetainedPayload _payload = null!;
    private Listener _listener = null!;
    private Connection _connection = null!;
    private int _received;

    [GlobalSetup]
    public async Task StartAsync()
    {
        _payload = RetainedPayload.Copy(new byte[16 * 160]);
        var me = new LocalPeer(Guid.NewGuid(), 1, NodeRoles.LogServer, 7, Guid.Empty, PeerLimits.Default);
        _listener = Listener.Start(new IPEndPoint(IPAddress.Loopback, 0), me, _ => this, ConnectionOptions.Default, 10);
        _connection = await Connector.ConnectAsync(_listener.LocalEndPoint, LocalPeer.Client(), default, 0, this, ConnectionOptions.Default);
    }

    [GlobalCleanup]
    public async Task StopAsync()
    {
        await _connection.DisposeAsync();
        await _listener.DisposeAsync();
        _payload.Release();
    }

    /// <summary>A frame of sixteen entries of 128 bytes; thirty-two of them share a flush.</summary>
    [Benchmark(OperationsPerInvoke = Frames)]
    public void SendAndReceive()
    {
        _received = 0;
        _all.Reset();
        for (var i = 1; i <= Frames; i++)
        {
            _payload.Retain();
            _connection.Enqueue(_message, _payload);
            if (i % 32 == 0) _connection.Flush();
        }

        _all.Wait();
    }

    void IFrameHandler.OnFrame(Connection connection, in Frame frame)
    {
        if (++_received == Frames) _all.Set();
    }

    void IFrameHandler.OnBatchEnd(Connection connection)
    {
    }

    void IFrameHandler.OnClosed(Connection connection, Exception? reason)
    {
    }
}
