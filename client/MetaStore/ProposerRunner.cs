using System.Collections.Concurrent;
using System.Threading.Channels;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Client.MetaStore;

/// <summary>Drives proposers: sends their requests to all acceptors at once, feeds answers back as they come, waits and backs off for them. One operation is one loop; nothing is shared between operations.</summary>
internal sealed class ProposerRunner(PeerPool peers, MetaStoreOptions options, TimeProvider timeProvider, ILogger logger)
{
    private readonly ConcurrentDictionary<(string Host, int Port), NodeEndpoint> _identities = new();

    /// <summary>Who lives where, as far as connections told.</summary>
    public IReadOnlyCollection<NodeEndpoint> Identities => [.. _identities.Values];

    /// <summary>Connects to those of the acceptors whose identity is not known yet, for a bounded time: those that answer are known by name afterwards.</summary>
    public async ValueTask IdentifyAsync(IReadOnlyList<NodeEndpoint> acceptors, CancellationToken cancellationToken)
    {
        var unknown = acceptors.Where(a => a.NodeId == 0 && !_identities.ContainsKey((a.Host, a.Port))).ToArray();
        if (unknown.Length == 0) return;
        using var timeout = new CancellationTokenSource(options.IdentifyTimeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await Task.WhenAll(unknown.Select(a => AskAsync(a, static (_, _) => new ValueTask<bool>(true), either.Token).AsTask())).ConfigureAwait(false);
    }

    /// <exception cref="MetaStoreUnavailableException">No majority within <see cref="MetaStoreOptions.OperationTimeout"/>.</exception>
    public async ValueTask<ProposerResult> RunAsync(string register, RegisterProposer proposer, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(options.OperationTimeout, timeProvider);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var answers = Channel.CreateUnbounded<ProposerAnswer>(new UnboundedChannelOptions { SingleReader = true });
        var requests = new List<Task>();
        var troubles = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var backOffs = 0;
        try
        {
            var step = proposer.Start();
            while (step != ProposerStep.Done)
            {
                requests.RemoveAll(static r => r.IsCompletedSuccessfully);
                foreach (var send in proposer.TakeSends()) requests.Add(SendAsync(register, send, answers.Writer, stop.Token));
                if (step == ProposerStep.BackOff)
                {
                    await BackOffAsync(register, backOffs++, proposer.LostToCompetitor, stop.Token).ConfigureAwait(false);
                    step = proposer.Retry();
                    continue;
                }

                var answer = await NextAsync(answers.Reader, step == ProposerStep.WaitGrace, stop.Token).ConfigureAwait(false);
                if (answer is null)
                {
                    step = proposer.EndGrace();
                    continue;
                }

                Note(troubles, answer.Value);
                step = Feed(proposer, answer.Value);
            }

            return proposer.Result;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            if (proposer.Impostor is { } impostor) troubles[impostor.Expected.ToString()] = NotTheAcceptor(impostor.Expected, impostor.Found);
            throw Unavailable(register, troubles, proposer.OwnValueSent);
        }
        finally
        {
            // Cancelling takes nothing back that was sent; it only ends the waiting for acceptors that are not needed any more.
            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(requests).ConfigureAwait(false);
        }
    }

    /// <summary>Register names known to a majority of the acceptors, united.</summary>
    public async ValueTask<IReadOnlyList<string>> ListAsync(string prefix, IReadOnlyList<NodeEndpoint> acceptors, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(options.OperationTimeout, timeProvider);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var troubles = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var attempt = 0; ; attempt++)
        {
            var names = new SortedSet<string>(StringComparer.Ordinal);
            var asked = acceptors.Select(a => ListOneAsync(prefix, a, stop.Token)).ToList();
            var answered = 0;
            while (asked.Count > 0 && answered <= acceptors.Count / 2)
            {
                var done = await Task.WhenAny(asked).ConfigureAwait(false);
                asked.Remove(done);
                var (acceptor, list, trouble) = await done.ConfigureAwait(false);
                if (list is null)
                {
                    troubles[acceptor.ToString()] = trouble;
                    continue;
                }

                answered++;
                names.UnionWith(list);
            }

            if (answered > acceptors.Count / 2)
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(asked).ConfigureAwait(false);
                return [.. names];
            }

            try
            {
                await BackOffAsync(prefix, attempt, lostToCompetitor: false, stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw Unavailable(prefix, troubles, outcomeUnknown: false);
            }
        }
    }

    private static ProposerStep Feed(RegisterProposer proposer, in ProposerAnswer answer)
    {
        var (phase, index) = (answer.Send.Phase, answer.Send.Index);
        if (answer.Trouble is not null) return proposer.OnFailure(phase, index);
        return answer.Send.Request switch
        {
            ProposerRequest.Read => proposer.OnReadReply(phase, index, answer.Identity, answer.Read),
            ProposerRequest.Prepare => proposer.OnPrepareReply(phase, index, answer.Identity, answer.Prepare),
            _ => proposer.OnAcceptReply(phase, index, answer.Identity, answer.Accept),
        };
    }

    /// <summary>The next answer; null if a grace period ends first.</summary>
    private async ValueTask<ProposerAnswer?> NextAsync(ChannelReader<ProposerAnswer> answers, bool grace, CancellationToken cancellationToken)
    {
        if (answers.TryRead(out var ready)) return ready;
        if (!grace) return await answers.ReadAsync(cancellationToken).ConfigureAwait(false);
        using var graceOver = new CancellationTokenSource(options.Grace, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(graceOver.Token, cancellationToken);
        try
        {
            return await answers.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task SendAsync(string register, ProposerSend send, ChannelWriter<ProposerAnswer> answers, CancellationToken cancellationToken)
    {
        var answer = new ProposerAnswer(send, send.Target, null, default, default, default);
        var trouble = await AskAsync(send.Target, Request, cancellationToken).ConfigureAwait(false);
        answers.TryWrite(trouble is null ? answer : answer with { Trouble = trouble });

        async ValueTask<bool> Request(Connection connection, CancellationToken token)
        {
            answer = answer with { Identity = send.Target with { NodeId = connection.Peer.NodeId, DiskId = connection.Peer.DiskId } };
            switch (send.Request)
            {
                case ProposerRequest.Read:
                    using (var response = await connection.RequestAsync(new MetaRead(register), token).ConfigureAwait(false))
                    {
                        if (!response.TryRead<MetaReadReply>(out var read)) return false;
                        answer = answer with { Read = read };
                        return true;
                    }

                case ProposerRequest.Prepare:
                    using (var response = await connection.RequestAsync(new MetaPrepare(register, send.Instance, send.Ballot), token).ConfigureAwait(false))
                    {
                        if (!response.TryRead<MetaPrepareReply>(out var prepare)) return false;
                        answer = answer with { Prepare = prepare };
                        return true;
                    }

                default:
                    using (var response = await connection.RequestAsync(new MetaAccept(register, send.Instance, send.Ballot, send.Value), token).ConfigureAwait(false))
                    {
                        if (!response.TryRead<MetaAcceptReply>(out var accept)) return false;
                        answer = answer with { Accept = accept };
                        return true;
                    }
            }
        }
    }

    private async Task<(NodeEndpoint Acceptor, IReadOnlyList<string>? Names, string Trouble)> ListOneAsync(string prefix, NodeEndpoint acceptor, CancellationToken cancellationToken)
    {
        IReadOnlyList<string>? names = null;
        var trouble = await AskAsync(acceptor, Request, cancellationToken).ConfigureAwait(false);
        return (acceptor, names, trouble ?? "");

        async ValueTask<bool> Request(Connection connection, CancellationToken token)
        {
            using var response = await connection.RequestAsync(new MetaList(prefix), token).ConfigureAwait(false);
            if (!response.TryRead<MetaListReply>(out var reply) || reply.Status != StatusCode.Ok) return false;
            names = reply.Names;
            return true;
        }
    }

    /// <summary>Connects, checks who answers, runs the request; null, or what went wrong. Never throws.</summary>
    private async ValueTask<string?> AskAsync(NodeEndpoint target, Func<Connection, CancellationToken, ValueTask<bool>> request, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.RequestTimeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var connection = await peers.GetAsync(NodeAddress.Of(target.Host, target.Port), target.NodeId, either.Token).ConfigureAwait(false);
            var found = target with { NodeId = connection.Peer.NodeId, DiskId = connection.Peer.DiskId };
            _identities[(target.Host, target.Port)] = found;
            if (target.NodeId != 0 && found != target) return NotTheAcceptor(target, found);
            return await request(connection, either.Token).ConfigureAwait(false) ? null : "answered nonsense";
        }
        catch (OperationCanceledException)
        {
            return cancellationToken.IsCancellationRequested ? "gave no answer in time" : $"gave no answer within {options.RequestTimeout.TotalMilliseconds} ms";
        }
        catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or ObjectDisposedException)
        {
            return e.Message;
        }
    }

    private static string NotTheAcceptor(NodeEndpoint expected, NodeEndpoint found) =>
        $"node {found.NodeId} with disk {found.DiskId} answers instead of node {expected.NodeId} with disk {expected.DiskId}: it is not the acceptor any more";

    private async ValueTask BackOffAsync(string register, int attempt, bool lostToCompetitor, CancellationToken cancellationToken)
    {
        // The first lost ballot mostly was too low a round, not a competitor at work: no wait.
        if (attempt == 0 && lostToCompetitor) return;
        var mean = Math.Min(options.MaxBackOff.TotalMilliseconds, options.MinBackOff.TotalMilliseconds * (1L << Math.Min(attempt, 20)));
        var delay = TimeSpan.FromMilliseconds(mean * (0.5 + Random.Shared.NextDouble()));
        logger.MetaStoreBackOff(register, attempt, lostToCompetitor ? "a competing ballot" : "no majority reached", delay);
        await Task.Delay(delay, timeProvider, cancellationToken).ConfigureAwait(false);
    }

    private static void Note(SortedDictionary<string, string> troubles, in ProposerAnswer answer)
    {
        var name = answer.Send.Target.ToString();
        var status = answer.Send.Request switch
        {
            ProposerRequest.Read => answer.Read.Status,
            ProposerRequest.Prepare => answer.Prepare.Status,
            _ => answer.Accept.Status,
        };
        if (answer.Trouble is { } trouble) troubles[name] = trouble;
        else if (status is not StatusCode.Ok) troubles[name] = $"answered {status}";
        else troubles.Remove(name);
    }

    private MetaStoreUnavailableException Unavailable(string register, SortedDictionary<string, string> troubles, bool outcomeUnknown)
    {
        var details = troubles.Count == 0 ? "no MetaStore node knows the cluster yet" : string.Join("; ", troubles.Select(t => $"{t.Key}: {t.Value}"));
        var outcome = outcomeUnknown ? " The write may have been, or may yet be, decided." : "";
        return new MetaStoreUnavailableException($"No majority of the MetaStore nodes for '{register}' within {options.OperationTimeout.TotalSeconds} s: {details}.{outcome}", outcomeUnknown);
    }

    private readonly record struct ProposerAnswer(ProposerSend Send, NodeEndpoint Identity, string? Trouble, MetaReadReply Read, MetaPrepareReply Prepare, MetaAcceptReply Accept);
}
