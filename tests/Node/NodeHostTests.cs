using System.Net;
using System.Net.Sockets;
using Delos.Daemon.Configuration;
using Delos.Daemon.Node;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Node;

[TestFixture]
public class NodeHostTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private string _directory = "";
    private int _port;

    [SetUp]
    public void Prepare()
    {
        _directory = Directory.CreateTempSubdirectory("delos-node-").FullName;
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _port = (socket.LocalEndPoint as IPEndPoint)?.Port ?? 0;
        IdentityFile.Create(_directory, new NodeIdentity(Guid.NewGuid(), 1, Guid.NewGuid()), isReplacement: false);
    }

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    private NodeOptions Options(NodeRoles roles = NodeRoles.Sequencer | NodeRoles.LogServer | NodeRoles.MetaStore) => new()
    {
        NodeId = 1,
        Listen = new HostPort("127.0.0.1", _port),
        DataDirectory = _directory,
        MetaStore = [new HostPort("127.0.0.1", _port)],
        Roles = roles,
        FileBytes = 2 << 20,
        SpareFiles = 0,
        Rehearse = false,
    };

    /// <summary>Runs a node while the body runs, and stops it cleanly.</summary>
    private async Task WithNodeAsync(NodeOptions options, Func<Connection, string, Task> body)
    {
        using var stop = new CancellationTokenSource();
        var ready = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = new NodeHost(options, NullLoggerFactory.Instance) { OnReady = ready.SetResult };
        var running = host.RunAsync(stop.Token);
        try
        {
            if (await Task.WhenAny(ready.Task, running).WaitAsync(s_patience) == running) await running;
            await using var connection = await Connector.ConnectAsync("127.0.0.1", _port, LocalPeer.Client(), Guid.Empty, 1, new Silent(), ConnectionOptions.Default);
            await body(connection, await ready.Task);
        }
        finally
        {
            await stop.CancelAsync();
        }

        Assert.That(await running.WaitAsync(s_patience), Is.True, "a clean stop");
    }

    private static async Task<NodeStatusDocument> StatusAsync(Connection connection, bool brief)
    {
        using var response = await connection.RequestAsync(new NodeStatus(brief)).AsTask().WaitAsync(s_patience);
        Assert.That(response.TryRead<NodeStatusReply>(out var reply), Is.True);
        Assert.That(NodeStatusDocument.TryParse(reply.Json.Span, out var document), Is.True);
        return document ?? throw new InvalidOperationException();
    }

    [Test]
    public async Task Node_alone_becomes_ready_and_tells_its_status() => await WithNodeAsync(Options(), async (connection, line) =>
    {
        var identity = IdentityFile.Read(_directory)?.Identity;
        var status = await StatusAsync(connection, brief: false);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(line, Is.EqualTo($"READY node=1 listen=127.0.0.1:{_port} cluster={identity?.ClusterId}"));
            Assert.That(status.Ready, Is.True);
            Assert.That(status.DiskId, Is.EqualTo(identity?.DiskId));
            Assert.That(status.Roles, Is.EqualTo(new[] { "sequencer", "logserver", "metastore" }));
            Assert.That(status.Incarnation, Is.EqualTo(connection.Peer.Incarnation).And.Not.Zero);
            Assert.That(status.Disk?.FreeBytes, Is.Positive);
        }
    });

    [Test]
    [Category("Trap07")]
    public async Task Restarted_node_has_another_incarnation()
    {
        ulong first = 0, second = 0;
        await WithNodeAsync(Options(), async (connection, _) => first = (await StatusAsync(connection, brief: true)).Incarnation);
        await WithNodeAsync(Options(), async (connection, _) => second = (await StatusAsync(connection, brief: true)).Incarnation);
        Assert.That(second, Is.Not.EqualTo(first));
    }

    [Test]
    public async Task Role_that_is_off_answers_not_served() => await WithNodeAsync(Options(NodeRoles.MetaStore), async (connection, _) =>
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await RefusalAsync(connection, new Status(LogletId.NewRandom()))).Code, Is.EqualTo(StatusCode.NotServed));
            Assert.That((await RefusalAsync(connection, new CheckTail(LogletId.NewRandom(), 1))).Code, Is.EqualTo(StatusCode.NotServed));
        }
    });

    [Test]
    public async Task Second_process_on_the_same_disk_is_refused() => await WithNodeAsync(Options(), async (_, _) =>
    {
        await using var second = new NodeHost(Options(), NullLoggerFactory.Instance);
        Assert.That(async () => await second.RunAsync(CancellationToken.None), Throws.TypeOf<NodeStartException>().With.Message.Contains("is in use by another delosd"));
    });

    [Test]
    public async Task Port_in_use_is_named()
    {
        using var taken = new TcpListener(IPAddress.Loopback, _port);
        taken.Start();
        await using var host = new NodeHost(Options(), NullLoggerFactory.Instance);
        Assert.That(async () => await host.RunAsync(CancellationToken.None), Throws.TypeOf<NodeStartException>().With.Message.Contains($"127.0.0.1:{_port}").And.Message.Contains("another process uses the port"));
    }

    [Test]
    [Category("Trap08")]
    public async Task Wiped_disk_under_a_known_node_id_is_refused()
    {
        // The node list survives on another node in a real cluster; here the MetaStore's directory is carried over to the new disk.
        await WithNodeAsync(Options(), (_, _) => Task.CompletedTask);
        var cluster = IdentityFile.Read(_directory)?.Identity.ClusterId ?? Guid.Empty;
        File.Delete(IdentityFile.PathIn(_directory));
        IdentityFile.Create(_directory, new NodeIdentity(cluster, 1, Guid.NewGuid()), isReplacement: false);
        await using var host = new NodeHost(Options(), NullLoggerFactory.Instance);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(3));

        // Either the node list says so, or the acceptor with the other disk is not counted and no majority answers: the node never becomes ready.
        host.OnReady = _ => Assert.Fail("a wiped disk must not serve");
        try
        {
            await host.RunAsync(stop.Token);
        }
        catch (NodeStartException refusal)
        {
            Assert.That(refusal.Message, Does.Contain("delosd node replace 1"));
        }
    }

    private static async Task<DelosProtocolException> RefusalAsync<T>(Connection connection, T request)
        where T : struct, IMessage<T>
    {
        try
        {
            using var response = await connection.RequestAsync(request).AsTask().WaitAsync(s_patience);
        }
        catch (DelosProtocolException refusal)
        {
            return refusal;
        }

        throw new AssertionException("The request was answered.");
    }

    private sealed class Silent : IFrameHandler
    {
        public void OnFrame(Connection connection, in Frame frame)
        {
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }
}
