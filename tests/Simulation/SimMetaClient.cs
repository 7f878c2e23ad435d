using Delos.Client.MetaStore;
using Delos.Protocol.Chains;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>As client/MetaStore: drives <see cref="RegisterProposer"/> over the network.</summary>
internal sealed class SimMetaClient(SimProcess me, ClusterSimulation cluster)
{
    private readonly Dictionary<string, DecidedVersion> _known = [];

    public async Task<Chain?> ReadAsync(string log)
    {
        if (cluster.Mutant == SimMutant.SingleAcceptor) return await ReadOneAsync(log);
        var begun = cluster.World.Now;
        var result = await RunAsync(log, null);
        if (result is not { } r) return null;
        cluster.Registers.OnRead(log, begun, r.Result.Decided);
        return cluster.Checks.OnChain(log, r.Result.Decided);
    }

    /// <summary>A null chain: the outcome is unknown, or certainly nothing was sent.</summary>
    public async Task<(bool Won, Chain? Winner, bool Unknown)> WriteAsync(string log, Chain next)
    {
        var begun = cluster.World.Now;
        var write = new RegisterWrite(next.Version - 1, cluster.World.NewId(), ChainCodec.Encode(next), null);
        cluster.Registers.OnWriteBegun(log, begun, write);
        var run = await RunAsync(log, write);
        if (run is not { } r) return (false, null, true);
        if (!r.Result.OutcomeUnknown) cluster.Registers.OnWritten(log, begun, write, r.Result);
        var chain = cluster.Checks.OnChain(log, r.Result.Decided);
        return (r.Result.Won, chain, r.Result.OutcomeUnknown);
    }

    /// <summary>The mutant of trap 16.</summary>
    private async Task<Chain?> ReadOneAsync(string log)
    {
        var begun = cluster.World.Now;
        var target = cluster.Node(cluster.Acceptors[cluster.World.Random.Next(cluster.Acceptors.Length)].NodeId);
        var answer = await me.Network.AskAsync(me, target, new MetaRead("log/" + log), timeout: 100_000);
        if (answer?.Body is not MetaReadReply { NewestInstance: > 0 } reply || RegisterValue.Decode(reply.Value.Span) is not { } value) return null;
        var decided = new DecidedVersion(reply.NewestInstance, value, reply.Accepted);
        cluster.Registers.OnRead(log, begun, decided);
        return cluster.Checks.OnChain(log, decided);
    }

    /// <summary>As MetaStoreClient.ReplaceAcceptorAsync, for one register: the same payload again, until neither the acceptors nor the deciders are the former ones. False: try again.</summary>
    public async Task<bool> ReplaceAcceptorAsync(string log, NodeEndpoint replacement)
    {
        while (true)
        {
            if (await RunAsync(log, null) is not { } current) return false;
            if (current.Result.Decided.Value is not { } value || (!value.Acceptors.Any(IsReplaced) && !value.Deciders.Any(IsReplaced))) return true;
            NodeEndpoint[] next = [.. value.Acceptors.Select(a => IsReplaced(a) ? replacement : a)];
            var begun = cluster.World.Now;
            var write = new RegisterWrite(current.Result.Decided.Version, cluster.World.NewId(), value.Payload, next);
            cluster.Registers.OnWriteBegun(log, begun, write);
            if (await RunAsync(log, write) is not { } written) return false;
            if (!written.Result.OutcomeUnknown) cluster.Registers.OnWritten(log, begun, write, written.Result);
        }

        bool IsReplaced(NodeEndpoint acceptor) => acceptor.NodeId == replacement.NodeId && acceptor != replacement;
    }

    private async Task<(ProposerResult Result, bool Sent)?> RunAsync(string log, RegisterWrite? write)
    {
        var register = "log/" + log;
        var world = cluster.World;
        var life = me.Life;
        // Now and then so short that the outcome stays unknown (trap 15).
        var deadline = world.Now + (write is not null && world.Chance(20) ? world.Random.Next(20_000) : 2_000_000);
        var proposer = new RegisterProposer(_known.GetValueOrDefault(register, DecidedVersion.None), cluster.Acceptors, [], world.NewId(), write, cluster.Acceptors);
        var signal = new TaskCompletionSource();
        var step = proposer.Start();
        while (step != ProposerStep.Done)
        {
            if (world.Now > deadline || me.Life != life) return null;
            foreach (var send in proposer.TakeSends()) world.Spawn(() => SendAsync(send));
            if (step == ProposerStep.BackOff)
            {
                await me.Delay(2_000 + world.Random.Next(20_000));
                step = proposer.Retry();
                continue;
            }

            if (step == ProposerStep.WaitGrace)
            {
                await me.Delay(3_000);
                step = proposer.EndGrace();
                continue;
            }

            await signal.Task;
            signal = new TaskCompletionSource();
            step = proposer.Step;
        }

        if (proposer.Known.Version > _known.GetValueOrDefault(register, DecidedVersion.None).Version) _known[register] = proposer.Known;
        return (proposer.Result, proposer.OwnValueSent);

        async Task SendAsync(ProposerSend send)
        {
            var target = cluster.Node(send.Target.NodeId);
            object request = send.Request switch
            {
                ProposerRequest.Read => new MetaRead(register),
                ProposerRequest.Prepare => new MetaPrepare(register, send.Instance, send.Ballot),
                _ => new MetaAccept(register, send.Instance, send.Ballot, send.Value),
            };
            var answer = await me.Network.AskAsync(me, target, request, timeout: 100_000);
            switch (answer?.Body)
            {
                case MetaReadReply reply: proposer.OnReadReply(send.Phase, send.Index, target.Endpoint, reply); break;
                case MetaPrepareReply reply: proposer.OnPrepareReply(send.Phase, send.Index, target.Endpoint, reply); break;
                case MetaAcceptReply reply: proposer.OnAcceptReply(send.Phase, send.Index, target.Endpoint, reply); break;
                default: proposer.OnFailure(send.Phase, send.Index); break;
            }

            signal.TrySetResult();
        }
    }
}
