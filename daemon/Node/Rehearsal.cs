using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Configuration;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Daemon.Node;

/// <summary>
/// Does once, right after a start, what must be quick when it is needed: a throw-away cluster of one node, inside this process, on the loopback device and in a directory of its own, is appended to, read,
/// reconfigured, and loses its sequencer. All of it is then compiled, and connections and pools are warm: a first reconfiguration otherwise spends much of its time in the compiler, which a build
/// that is not published (see delosd.csproj) leaves everything to, and a published one what could not be known ahead.
/// </summary>
internal static class Rehearsal
{
    private const string Log = "rehearsal";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>Never throws: without a rehearsal the node is slower at first, and nothing else.</summary>
    /// <param name="directory">Made, and deleted with everything in it.</param>
    public static async Task RunAsync(string directory, ILogger logger, CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var begun = Stopwatch.GetTimestamp();
        try
        {
            // What a former process left that was killed meanwhile.
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            Directory.CreateDirectory(directory);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_limit);
            await RehearseAsync(directory, limit.Token).ConfigureAwait(false);
            logger.Rehearsed((long)Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The node is told to stop.
        }
        catch (Exception e)
        {
            logger.RehearsalFailed(e.Message);
        }
        finally
        {
            Delete(directory, logger);
        }
    }

    private static async Task RehearseAsync(string directory, CancellationToken cancellationToken)
    {
        IdentityFile.Create(directory, new NodeIdentity(Guid.NewGuid(), 1, Guid.NewGuid()), isReplacement: false);
        var address = new HostPort(IPAddress.Loopback.ToString(), FreePort());
        var options = new NodeOptions { NodeId = 1, Listen = address, MetaStore = [address], DataDirectory = directory, FileBytes = 2 << 20, SpareFiles = 0, Rehearse = false, UseSocketsWithin = true };
        await using var client = DelosClient.Connect($"delos://{address}", new DelosClientOptions { CloseTimeout = TimeSpan.Zero });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var node = new NodeHost(options, NullLoggerFactory.Instance) { OnReady = _ => ready.TrySetResult() };
        var running = node.RunAsync(stop.Token);
        try
        {
            if (await Task.WhenAny(ready.Task, running).WaitAsync(cancellationToken).ConfigureAwait(false) == running) await running.ConfigureAwait(false);
            await UseAsync(client, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await running.ConfigureAwait(false);
        }

        await MissNodeAsync(client.Log(Log), cancellationToken).ConfigureAwait(false);
    }

    private static async Task UseAsync(DelosClient client, CancellationToken cancellationToken)
    {
        var log = client.Log(Log, new LogOptions { Policy = new LogPolicy(1, LogletKind.Native, 1) });
        await AppendAsync(log, cancellationToken).ConfigureAwait(false);

        // An operator's reconfiguration.
        await client.Admin.ReconfigExtendAsync(Log, new ReconfigExtendOptions { Reason = Log }, cancellationToken).ConfigureAwait(false);
        await AppendAsync(log, cancellationToken).ConfigureAwait(false);

        // One by the segment monitor, which finds a sealed segment without successor as it would find a dead sequencer.
        await client.Admin.SealAsync(Log, cancellationToken).ConfigureAwait(false);
        await AppendAsync(log, cancellationToken).ConfigureAwait(false);
        var tail = await log.CheckTailAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var entry in log.ReadAsync(0, tail, cancellationToken).ConfigureAwait(false)) GC.KeepAlive(entry);
    }

    /// <summary>The node is gone: connections break, dials are refused. The first exceptions of a process cost tens of milliseconds.</summary>
    private static async Task MissNodeAsync(DelosLog log, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromMilliseconds(100));
        try
        {
            await log.AppendAsync(new byte[128], patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // As expected.
        }
    }

    private static async Task AppendAsync(DelosLog log, CancellationToken cancellationToken)
    {
        var payloads = Enumerable.Repeat((ReadOnlyMemory<byte>)new byte[128], 64).ToArray();
        await log.AppendAsync(payloads[0], cancellationToken).ConfigureAwait(false);
        await log.AppendBatchAsync(payloads, cancellationToken).ConfigureAwait(false);
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket.LocalEndPoint is IPEndPoint bound ? bound.Port : throw new InvalidOperationException("A bound socket has no port.");
    }

    private static void Delete(string directory, ILogger logger)
    {
        try
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }
        catch (IOException e)
        {
            logger.RehearsalFailed(e.Message);
        }
    }
}
