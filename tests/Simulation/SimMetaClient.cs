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
        var result = await RunAsync(log, null);
        return result is { } r ? cluster.Checks.OnChain(log, r.Result.Decided) : null;
    }

    /// <summary>A null chain: the outcome is unknown, or certainly nothing was sent.</summary>
    public async Task<(bool Won, Chain? Winner, bool Unknown)> WriteAsync(string log, Chain next)
    {
        var run = await RunAsync(log, new RegisterWrite(next.Version - 1, cluster.World.NewId(), ChainCodec.Encode(next), null));
        if (run is not { } r) return (false, null, true);
        var chain = cluster.Checks.OnChain(log, r.Result.Decided);
        return (r.Result.Won, chain, r.Result.OutcomeUnknown);
    }

    private async Task<(ProposerResult Result, bool Sent)?> RunAsync(string log, RegisterWrite? write)
    {
        var register = "log/" + log;
        var world = cluster.World;
        var life = me.Life;
        var deadline = world.Now + 2_000_000;
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
